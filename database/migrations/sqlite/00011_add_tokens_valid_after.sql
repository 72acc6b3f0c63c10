-- latchkey: expand
-- +goose Up
-- add column "tokens_valid_after" to table: "users"
ALTER TABLE `users` ADD COLUMN `tokens_valid_after` datetime NULL;

-- +goose Down
-- drop column "tokens_valid_after" of table: "users"
ALTER TABLE `users` DROP COLUMN `tokens_valid_after`;
