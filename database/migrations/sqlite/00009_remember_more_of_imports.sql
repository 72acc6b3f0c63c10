-- latchkey: expand
-- +goose Up
-- add column "upgraded_mac" to table: "imported_accounts"
ALTER TABLE `imported_accounts` ADD COLUMN `upgraded_mac` blob NULL;
-- add column "locale" to table: "imported_accounts"
ALTER TABLE `imported_accounts` ADD COLUMN `locale` text NOT NULL DEFAULT '';
-- add column "timezone" to table: "imported_accounts"
ALTER TABLE `imported_accounts` ADD COLUMN `timezone` text NOT NULL DEFAULT '';
-- add column "deletion_due_at" to table: "imported_accounts"
ALTER TABLE `imported_accounts` ADD COLUMN `deletion_due_at` datetime NULL;

-- +goose Down
-- create "new_imported_accounts" table
CREATE TABLE `new_imported_accounts` (
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
-- copy rows from old table "imported_accounts" to new temporary table "new_imported_accounts"
INSERT INTO `new_imported_accounts` (`user_id`, `email`, `password_mac`, `first_name`, `last_name`, `is_active`, `is_staff`, `is_superuser`) SELECT `user_id`, `email`, `password_mac`, `first_name`, `last_name`, `is_active`, `is_staff`, `is_superuser` FROM `imported_accounts`;
-- drop "imported_accounts" table after copying rows
DROP TABLE `imported_accounts`;
-- rename temporary table "new_imported_accounts" to "imported_accounts"
ALTER TABLE `new_imported_accounts` RENAME TO `imported_accounts`;
