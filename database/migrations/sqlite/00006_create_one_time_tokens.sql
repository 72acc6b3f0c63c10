-- latchkey: expand
-- +goose Up
-- add column "email_verified_at" to table: "users"
ALTER TABLE `users` ADD COLUMN `email_verified_at` datetime NULL;
-- add column "locale" to table: "users"
ALTER TABLE `users` ADD COLUMN `locale` text NOT NULL DEFAULT '';
-- add column "timezone" to table: "users"
ALTER TABLE `users` ADD COLUMN `timezone` text NOT NULL DEFAULT '';
-- add column "deletion_due_at" to table: "users"
ALTER TABLE `users` ADD COLUMN `deletion_due_at` datetime NULL;
-- create index "idx_users_deletion_due_at" to table: "users"
CREATE INDEX `idx_users_deletion_due_at` ON `users` (`deletion_due_at`);
-- create "one_time_tokens" table
CREATE TABLE `one_time_tokens` (
  `id` uuid NOT NULL,
  `user_id` uuid NOT NULL,
  `purpose` text NOT NULL,
  `address` text NOT NULL,
  `tries` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `ended_at` datetime NULL,
  `end_reason` text NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `fk_one_time_tokens_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "idx_one_time_tokens_ended_at" to table: "one_time_tokens"
CREATE INDEX `idx_one_time_tokens_ended_at` ON `one_time_tokens` (`ended_at`);
-- create index "idx_one_time_tokens_expires_at" to table: "one_time_tokens"
CREATE INDEX `idx_one_time_tokens_expires_at` ON `one_time_tokens` (`expires_at`);
-- create index "idx_one_time_tokens_address" to table: "one_time_tokens"
CREATE INDEX `idx_one_time_tokens_address` ON `one_time_tokens` (`address`);
-- create index "idx_one_time_tokens_user_id" to table: "one_time_tokens"
CREATE INDEX `idx_one_time_tokens_user_id` ON `one_time_tokens` (`user_id`);

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
  PRIMARY KEY (`id`)
);
-- copy rows from old table "users" to new temporary table "new_users"
INSERT INTO `new_users` (`id`, `email`, `password`, `first_name`, `last_name`, `is_active`, `is_staff`, `is_superuser`, `date_joined`, `last_login`) SELECT `id`, `email`, `password`, `first_name`, `last_name`, `is_active`, `is_staff`, `is_superuser`, `date_joined`, `last_login` FROM `users`;
-- drop "users" table after copying rows
DROP TABLE `users`;
-- rename temporary table "new_users" to "users"
ALTER TABLE `new_users` RENAME TO `users`;
-- create index "idx_users_email" to table: "users"
CREATE UNIQUE INDEX `idx_users_email` ON `users` (`email`);
-- drop "one_time_tokens" table
DROP TABLE `one_time_tokens`;
