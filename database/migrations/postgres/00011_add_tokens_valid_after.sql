-- latchkey: expand
-- +goose Up
-- modify "users" table
ALTER TABLE "users" ADD COLUMN "tokens_valid_after" timestamptz NULL;

-- +goose Down
-- modify "users" table
ALTER TABLE "users" DROP COLUMN "tokens_valid_after";
