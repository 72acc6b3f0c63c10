-- latchkey: expand
-- +goose Up
-- create index "idx_one_time_tokens_live" to table: "one_time_tokens"
CREATE INDEX `idx_one_time_tokens_live` ON `one_time_tokens` (`address`) WHERE ended_at IS NULL;

-- +goose Down
-- drop index "idx_one_time_tokens_live" from table: "one_time_tokens"
DROP INDEX `idx_one_time_tokens_live`;
