-- latchkey: expand
-- +goose Up
-- add column "unproven" to table: "one_time_tokens"
ALTER TABLE `one_time_tokens` ADD COLUMN `unproven` numeric NOT NULL DEFAULT false;

-- +goose Down
-- drop column "unproven" of table: "one_time_tokens"
ALTER TABLE `one_time_tokens` DROP COLUMN `unproven`;
