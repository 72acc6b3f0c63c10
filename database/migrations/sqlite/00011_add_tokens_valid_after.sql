-- latchkey: expand
-- +goose Up
-- add column "tokens_valid_after" to table: "users"
ALTER TABLE `users` ADD COLUMN `tokens_valid_after` datetime NULL;

-- +goose Down
-- create "new_users" table
CREATE TABLE `new_users` (
  `id` uuid NOT NULL,
  `email` text NOT NULL,
  `password` text NOT NULL,
  `first_name` text NOT NULL,
  `last_name` text NOT NULL,
  `is_active` numeric NOT NULL,
  `is_staff` numeric NOT NULL,
  `is_superuser` numeric NOT NULL,
  `date_joined` datetime NOT NULL,
  `last_login` datetime NULL,
  `email_verified_at` datetime NULL,
  `locale` text NOT NULL DEFAULT '',
  `timezone` text NOT NULL DEFAULT '',
  `deletion_due_at` datetime NULL,
  `legacy_id` integer NULL,
  `legacy_username` text NULL,
  PRIMARY KEY (`id`)
);
-- copy rows from old table "users" to new temporary table "new_users"
INSERT INTO `new_users` (`id`, `email`, `password`, `first_name`, `last_name`, `is_active`, `is_staff`, `is_superuser`, `date_joined`, `last_login`, `email_verified_at`, `locale`, `timezone`, `deletion_due_at`, `legacy_id`, `legacy_username`) SELECT `id`, `email`, `password`, `first_name`, `last_name`, `is_active`, `is_staff`, `is_superuser`, `date_joined`, `last_login`, `email_verified_at`, `locale`, `timezone`, `deletion_due_at`, `legacy_id`, `legacy_username` FROM `users`;
-- drop "users" table after copying rows
DROP TABLE `users`;
-- rename temporary table "new_users" to "users"
ALTER TABLE `new_users` RENAME TO `users`;
-- create index "idx_users_email" to table: "users"
CREATE UNIQUE INDEX `idx_users_email` ON `users` (`email`);
-- create index "idx_users_deletion_due_at" to table: "users"
CREATE INDEX `idx_users_deletion_due_at` ON `users` (`deletion_due_at`);
-- create index "idx_users_legacy_id" to table: "users"
CREATE UNIQUE INDEX `idx_users_legacy_id` ON `users` (`legacy_id`);
-- create index "idx_users_legacy_username" to table: "users"
CREATE UNIQUE INDEX `idx_users_legacy_username` ON `users` (`legacy_username`);
