INSERT INTO ##load_18f0c0ffee_3 VALUES
(?, ?, ?),
(?, ?, ?);
