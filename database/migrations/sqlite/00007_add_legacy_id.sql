-- latchkey: expand
-- +goose Up
-- add column "legacy_id" to table: "users"
ALTER TABLE `users` ADD COLUMN `legacy_id` integer NULL;
-- add column "legacy_username" to table: "users"
ALTER TABLE `users` ADD COLUMN `legacy_username` text NULL;
-- create index "idx_users_legacy_id" to table: "users"
CREATE UNIQUE INDEX `idx_users_legacy_id` ON `users` (`legacy_id`);
-- create index "idx_users_legacy_username" to table: "users"
CREATE UNIQUE INDEX `idx_users_legacy_username` ON `users` (`legacy_username`);
-- create "imported_accounts" table
CREATE TABLE `imported_accounts` (
  `user_id` uuid NOT NULL,
  `email` text NOT NULL,
  `password_mac` blob NOT NULL,
  `first_name` text NOT NULL,
  `last_name` text NOT NULL,
  `is_active` numeric NOT NULL,
  `is_staff` numeric NOT NULL,
  `is_superuser` numeric NOT NULL,
  PRIMARY KEY (`user_id`),
  CONSTRAINT `fk_imported_accounts_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON UPDATE NO ACTION ON DELETE CASCADE
);

-- +goose Down
-- drop "imported_accounts" table
DROP TABLE `imported_accounts`;
-- drop columns "legacy_id" and "legacy_username" of table: "users"
DROP INDEX `idx_users_legacy_id`;
DROP INDEX `idx_users_legacy_username`;
ALTER TABLE `users` DROP COLUMN `legacy_id`;
ALTER TABLE `users` DROP COLUMN `legacy_username`;
