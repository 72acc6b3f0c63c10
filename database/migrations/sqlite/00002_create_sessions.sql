-- latchkey: expand
-- +goose Up
-- create "sessions" table
CREATE TABLE `sessions` (
  `id` uuid NOT NULL,
  `user_id` uuid NOT NULL,
  `client_name` text NOT NULL,
  `user_agent` text NOT NULL,
  `ip` text NOT NULL,
  `auth_method` text NOT NULL,
  `created_at` datetime NOT NULL,
  `last_used_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `generation` integer NOT NULL,
  `redeemed_fork` integer NOT NULL,
  `fork` integer NOT NULL,
  `redeemed_at` datetime NULL,
  `ended_at` datetime NULL,
  `end_reason` text NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `fk_sessions_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "idx_sessions_ended_at" to table: "sessions"
CREATE INDEX `idx_sessions_ended_at` ON `sessions` (`ended_at`);
-- create index "idx_sessions_expires_at" to table: "sessions"
CREATE INDEX `idx_sessions_expires_at` ON `sessions` (`expires_at`);
-- create index "idx_sessions_last_used_at" to table: "sessions"
CREATE INDEX `idx_sessions_last_used_at` ON `sessions` (`last_used_at`);
-- create index "idx_sessions_user_id" to table: "sessions"
CREATE INDEX `idx_sessions_user_id` ON `sessions` (`user_id`);
-- create "audit_events" table
CREATE TABLE `audit_events` (
  `id` uuid NOT NULL,
  `kind` text NOT NULL,
  `user_id` uuid NOT NULL,
  `session_id` uuid NOT NULL,
  `ip` text NOT NULL,
  `request_id` text NOT NULL,
  `created_at` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- create index "idx_audit_events_created_at" to table: "audit_events"
CREATE INDEX `idx_audit_events_created_at` ON `audit_events` (`created_at`);
-- create index "idx_audit_events_user_id" to table: "audit_events"
CREATE INDEX `idx_audit_events_user_id` ON `audit_events` (`user_id`);
-- create index "idx_audit_events_kind" to table: "audit_events"
CREATE INDEX `idx_audit_events_kind` ON `audit_events` (`kind`);
-- create "periodic_jobs" table
CREATE TABLE `periodic_jobs` (
  `name` text NOT NULL,
  `due_at` datetime NOT NULL,
  PRIMARY KEY (`name`)
);

-- +goose Down
-- drop "sessions" table
DROP TABLE `sessions`;
-- drop "audit_events" table
DROP TABLE `audit_events`;
-- drop "periodic_jobs" table
DROP TABLE `periodic_jobs`;
