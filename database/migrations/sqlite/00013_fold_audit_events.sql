-- latchkey: expand
-- +goose Up
-- add column "count" to table: "audit_events"
ALTER TABLE `audit_events` ADD COLUMN `count` integer NOT NULL DEFAULT 1;
-- add column "last_at" to table: "audit_events"
ALTER TABLE `audit_events` ADD COLUMN `last_at` datetime NULL;

-- +goose Down
-- drop columns "count" and "last_at" of table: "audit_events"
ALTER TABLE `audit_events` DROP COLUMN `count`;
ALTER TABLE `audit_events` DROP COLUMN `last_at`;
