-- What the accepted trades of an account in a symbol add up to; changed in the transaction that changes a trade.
CREATE TABLE IF NOT EXISTS positions (
  account    VARCHAR(64)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  symbol     VARCHAR(32)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  bought     DECIMAL(38,10)  NOT NULL,
  sold       DECIMAL(38,10)  NOT NULL,
  trades     BIGINT          NOT NULL,
  updated_at DATETIME(6)     NOT NULL,
  PRIMARY KEY (account, symbol)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
