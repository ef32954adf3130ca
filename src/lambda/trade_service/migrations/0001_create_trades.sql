-- ascii_bin: identifiers are compared byte by byte, so ACC-1 and acc-1 are two accounts, and index keys stay short.
-- DECIMAL(28,10) holds exactly what the pattern in schemas/trade.json admits: 18 digits before the point, 10 after.
CREATE TABLE IF NOT EXISTS trades (
  trade_id        VARCHAR(64)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  client_order_id VARCHAR(64)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  account         VARCHAR(64)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  symbol          VARCHAR(32)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  side            VARCHAR(4)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  quantity        DECIMAL(28,10) NOT NULL,
  price           DECIMAL(28,10) NOT NULL,
  currency        CHAR(3)        CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at      DATETIME(6)    NOT NULL,
  PRIMARY KEY (trade_id),
  UNIQUE KEY trades_idempotency (account, client_order_id),
  KEY trades_newest_first (account, created_at, trade_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
