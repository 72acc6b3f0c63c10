-- latchkey: expand
-- +goose Up
-- add column "device_id" to table: "sessions"
ALTER TABLE `sessions` ADD COLUMN `device_id` uuid NULL;
-- add column "actor_id" to table: "audit_events"
ALTER TABLE `audit_events` ADD COLUMN `actor_id` uuid NULL;
-- add column "detail" to table: "audit_events"
ALTER TABLE `audit_events` ADD COLUMN `detail` text NOT NULL DEFAULT '';
-- create "login_throttles" table
CREATE TABLE `login_throttles` (
  `account_id` uuid NOT NULL,
  `device_id` uuid NOT NULL,
  `failures` integer NOT NULL,
  `refused` integer NOT NULL,
  `failed_at` datetime NOT NULL,
  `locked_until` datetime NOT NULL,
  `seen_at` datetime NOT NULL,
  PRIMARY KEY (`account_id`, `device_id`)
);
-- create index "idx_login_throttles_seen_at" to table: "login_throttles"
CREATE INDEX `idx_login_throttles_seen_at` ON `login_throttles` (`seen_at`);

-- +goose Down
-- drop column "device_id" of table: "sessions"
ALTER TABLE `sessions` DROP COLUMN `device_id`;
-- drop columns "actor_id" and "detail" of table: "audit_events"
ALTER TABLE `audit_events` DROP COLUMN `actor_id`;
ALTER TABLE `audit_events` DROP COLUMN `detail`;
-- drop "login_throttles" table
DROP TABLE `login_throttles`;
