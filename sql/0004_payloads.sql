-- 0004_payloads.sql: dictionaries of payloads.
CREATE TABLE nearline.payload_dictionary (
    dictionary bigint PRIMARY KEY,
    bytes      bytea  NOT NULL
);
