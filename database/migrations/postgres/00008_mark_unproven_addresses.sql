-- latchkey: expand
-- +goose Up
-- modify "one_time_tokens" table
ALTER TABLE "one_time_tokens" ADD COLUMN "unproven" boolean NOT NULL DEFAULT false;

-- +goose Down
-- modify "one_time_tokens" table
ALTER TABLE "one_time_tokens" DROP COLUMN "unproven";
