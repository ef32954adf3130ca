-- With defaults, so that code from before this column can go on inserting.
ALTER TABLE trades
  ADD COLUMN status       VARCHAR(9)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'ACCEPTED',
  ADD COLUMN cancelled_at DATETIME(6)  NULL,
  ADD COLUMN version      INT UNSIGNED NOT NULL DEFAULT 1,
  ADD KEY trades_of_symbol_newest_first (account, symbol, created_at, trade_id),
  ADD KEY trades_of_status_newest_first (account, status, created_at, trade_id),
  ADD KEY trades_by_time (created_at),
  ADD KEY trades_by_cancellation (cancelled_at)
