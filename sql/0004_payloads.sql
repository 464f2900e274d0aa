-- 0004_payloads.sql: payload version 2 as rows, with a checksum that this server computes too: codecs 0 to 2 as before,
-- 3 (planes under LZ4 with a dictionary) and 4 (bands). Version 1 stays readable.
-- Sources/ResultCodec says what the bytes are. `|` and `<<` bind equally in PostgreSQL: hence the parentheses.

-- hash_bytes_extended (Jenkins lookup3) is not documented as stable, but tables partitioned by hash of a bytea, which
-- pg_upgrade carries over, depend on it: that freezes it on little-endian machines. Not STRICT, so that it is inlined.
CREATE FUNCTION nearline.payload_checksum(bytes bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_array_extended(ARRAY[bytes], 0) & 4294967295
$$;
COMMENT ON FUNCTION nearline.payload_checksum(bytea) IS
    'The checksum in payloads of version 2, of their bytes 0 to 7 and 12 to the end; also the key of a dictionary.';

DO $$
DECLARE
    computed CONSTANT bigint := nearline.payload_checksum('Nearline, payload version 2'::bytea);
BEGIN
    IF computed <> 2988374783 THEN
        RAISE EXCEPTION 'this server computes checksum % of the test bytes, payloads have 2988374783', computed
            USING ERRCODE = 'feature_not_supported', HINT =
                'Nearline needs a PostgreSQL on a little-endian machine, which hashes as PostgreSQL 14 does.';
    END IF;
END
$$;

CREATE TABLE nearline.payload_dictionary (
    dictionary bigint PRIMARY KEY,
    bytes      bytea  NOT NULL,
    CONSTRAINT dictionary_is_the_checksum_of_its_bytes CHECK (dictionary = nearline.payload_checksum(bytes))
);
COMMENT ON TABLE nearline.payload_dictionary IS
    'What lists of a release share, for payloads of codec 3, which state its key: needed as long as there are such.';

CREATE FUNCTION nearline.lz4_block(input bytea, raw_length int, dictionary bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    block    bytea := substring(input FROM 1);  -- brings a value from TOAST into memory once, not at every get_byte
    size     int   := length(block);
    reach    int   := length(dictionary);
    output   bytea := '';
    written  int   := 0;
    position int   := 0;
    token    int;
    run      int;
    more     int;
    back     int;
    piece    bytea;
BEGIN
    LOOP
        EXIT WHEN position >= size;
        token := get_byte(block, position);
        position := position + 1;

        -- Literals: their count, 15 meaning that bytes to be added follow, up to one below 255.
        run := token >> 4;
        IF run = 15 THEN
            LOOP
                EXIT WHEN position >= size OR written + run > raw_length;
                more := get_byte(block, position);
                position := position + 1;
                run := run + more;
                EXIT WHEN more < 255;
            END LOOP;
        END IF;
        EXIT WHEN run > size - position OR run > raw_length - written;
        IF run > 0 THEN
            output := output || substring(block FROM position + 1 FOR run);
            position := position + run;
            written := written + run;
        END IF;
        -- A block ends behind literals, never behind a match.
        IF position = size AND written = raw_length THEN
            RETURN output;
        END IF;

        -- A match: how far back it begins, and its length less 4.
        EXIT WHEN size - position < 2;
        back := get_byte(block, position) | (get_byte(block, position + 1) << 8);
        position := position + 2;
        EXIT WHEN back = 0 OR back > written + reach;
        run := (token & 15) + 4;
        IF run = 19 THEN
            LOOP
                EXIT WHEN position >= size OR written + run > raw_length;
                more := get_byte(block, position);
                position := position + 1;
                run := run + more;
                EXIT WHEN more < 255;
            END LOOP;
        END IF;
        EXIT WHEN run > raw_length - written;
        IF back > written THEN
            -- It begins in the dictionary, which ends where the output begins, and may go on from there.
            piece := substring(dictionary FROM reach + written - back + 1 FOR run);
            output := output || piece;
            written := written + length(piece);
            run := run - length(piece);
        END IF;
        IF run > 0 THEN
            piece := substring(output FROM written - back + 1 FOR least(back, run));
            -- A match may reach into what it writes itself: that repeats its first `back` bytes.
            WHILE length(piece) < run LOOP
                piece := piece || piece;
            END LOOP;
            output := output || substring(piece FROM 1 FOR run);
            written := written + run;
        END IF;
    END LOOP;
    RAISE EXCEPTION 'the LZ4 block is malformed at byte % of %, with % of % bytes decompressed',
        position, size, written, raw_length
        USING ERRCODE = 'data_corrupted', HINT = 'The bytes were damaged: publish the release again, or roll back.';
END
$$;
COMMENT ON FUNCTION nearline.lz4_block(bytea, int, bytea) IS
    'Decompresses an LZ4 block, whose matches may lie in the dictionary too, to exactly raw_length bytes, or raises '
    'data_corrupted; reads nothing outside its inputs.';

CREATE OR REPLACE FUNCTION nearline.lz4_block(input bytea, raw_length int) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
    SELECT nearline.lz4_block(input, raw_length, '')
$$;

CREATE FUNCTION nearline.payload_header(payload bytea, OUT codec int, OUT n int, OUT raw_length int, OUT body bytea)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $$
DECLARE
    newer   CONSTANT text := 'Was it written by a newer Nearline? Run nearline migrate.';
    damaged CONSTANT text := 'The bytes were damaged: publish the release again, or roll back.';
    header  bytea := substring(payload FROM 1 FOR 14);
    version int;
    last    int := 2;  -- of the codecs of a version
    stored  bigint;
BEGIN
    IF length(header) < 12 OR get_byte(header, 0) <> 78 THEN
        RAISE EXCEPTION 'not a payload: % bytes that do not begin with a header', length(payload)
            USING ERRCODE = 'data_corrupted',
                HINT = 'Is this a payload column? Was it written by a newer Nearline? Run nearline migrate.';
    END IF;
    version := get_byte(header, 1);
    codec := get_byte(header, 2);
    IF version = 2 THEN
        last := 4;
        n := get_byte(header, 3) | (get_byte(header, 4) << 8);
        raw_length := get_byte(header, 5) | (get_byte(header, 6) << 8) | (get_byte(header, 7) << 16);
        stored := get_byte(header, 8) | (get_byte(header, 9) << 8) | (get_byte(header, 10) << 16)
            | (get_byte(header, 11)::bigint << 24);
        body := substring(payload FROM 13);  -- also brings a value from TOAST into memory once
        -- Before the codec: a damaged codec should not read as one of a newer Nearline.
        IF nearline.payload_checksum(substring(header FROM 1 FOR 8) || body) <> stored THEN
            RAISE EXCEPTION 'payload states checksum % and has %', stored,
                nearline.payload_checksum(substring(header FROM 1 FOR 8) || body)
                USING ERRCODE = 'data_corrupted', HINT = damaged;
        END IF;
    ELSIF version = 1 AND length(header) = 14 AND get_byte(header, 3) = 0 THEN
        -- Its checksum is XXH3, which SQL cannot compute: a flipped bit in a row or a score passes. ResultCodec checks it.
        n := get_byte(header, 4) | (get_byte(header, 5) << 8);
        raw_length := get_byte(header, 6) | (get_byte(header, 7) << 8) | (get_byte(header, 8) << 16)
            | (get_byte(header, 9) << 24);
        body := substring(payload FROM 15);
    ELSE
        last := -1;
    END IF;
    IF codec > last THEN
        RAISE EXCEPTION 'payload of version %, codec % in % bytes; known are version 1 with codecs 0 to 2, version 2 '
            'with codecs 0 to 4', version, codec, length(payload)
            USING ERRCODE = 'data_corrupted', HINT = newer;
    END IF;
    IF (codec IN (0, 2, 3) AND raw_length <> 7 * n) OR (codec IN (0, 1, 4) AND raw_length <> length(body))
        OR (codec = 3 AND length(body) < 4)
        OR (n = 0 AND raw_length <> 0) THEN
        RAISE EXCEPTION 'payload of codec % with % candidates: body of % bytes, stated as % when decompressed',
            codec, n, length(body), raw_length
            USING ERRCODE = 'data_corrupted', HINT = damaged;
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.payload_header(bytea) IS
    'Codec, number of candidates, length when decompressed, and the body of a payload of version 1 or 2, checked.';

CREATE FUNCTION nearline.unpack_planes(body bytea, n int)
RETURNS TABLE (rank int, item_row int, score real, source text)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000 ROWS 100 AS $$
DECLARE
    step int;
    bits int := 0;  -- sortable bits of the score
BEGIN
    FOR i IN 0 .. n - 1 LOOP
        item_row := get_byte(body, i) | (get_byte(body, n + i) << 8) | (get_byte(body, 2 * n + i) << 16)
            | (get_byte(body, 3 * n + i) << 24);
        step := get_byte(body, 4 * n + i) | (get_byte(body, 5 * n + i) << 8);
        bits := CASE i WHEN 0 THEN step ELSE bits - step END;
        source := nearline.source_label(get_byte(body, 6 * n + i));
        -- 1024 to 64511 are the finite scores.
        IF item_row < 0 OR source IS NULL OR bits NOT BETWEEN 1024 AND 64511 THEN
            PERFORM nearline.refuse_candidate(i + 1, item_row, source);
        END IF;
        rank := i + 1;
        score := nearline.half_to_real(bits);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION nearline.unpack_planes(bytea, int) IS
    'The candidates of byte planes, the body of codecs 0, 2 and 3 when decompressed; nearline.unpack calls it.';

CREATE FUNCTION nearline.refuse_candidate(rank int, item_row bigint, source text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF source IS NULL THEN
        RAISE EXCEPTION 'candidate % of a payload has a source that is not known here', rank
            USING ERRCODE = 'data_corrupted', HINT = 'Was it written by a newer Nearline? Run nearline migrate.';
    END IF;
    IF item_row < 0 OR item_row > 2147483647 THEN
        RAISE EXCEPTION 'candidate % of a payload has an item row above 2147483647', rank
            USING ERRCODE = 'data_corrupted',
                HINT = 'The bytes were damaged: publish the release again, or roll back.';
    END IF;
    RAISE EXCEPTION 'the scores of a payload break off or stop falling at candidate %', rank
        USING ERRCODE = 'data_corrupted', HINT = 'The bytes were damaged: publish the release again, or roll back.';
END
$$;
COMMENT ON FUNCTION nearline.refuse_candidate(int, bigint, text) IS
    'Raises data_corrupted, saying which part of a candidate cannot be.';

CREATE FUNCTION nearline.unpack_packed(packed bytea, n int)
RETURNS TABLE (rank int, item_row int, score real, source text)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000 ROWS 100 AS $$
DECLARE
    size       int := length(packed);
    row_at     int := (n + 3) / 4;           -- the next byte of the rows
    fall_at    int := (n + 3) / 4 + n;       -- the next byte of the falls
    sources_at int := size - (n + 1) / 2;    -- where the sources begin
    -- A fall that is cut off reads at most these two bytes too many; where it ended tells, in the loop.
    body       bytea := packed || '\x0000'::bytea;
    lengths    int;  -- four 2-bit lengths less one
    extra      int;  -- bytes of a row less one
    fall       int;
    bits       int;  -- sortable bits of the score
BEGIN
    IF n = 0 THEN
        RETURN;
    END IF;
    IF fall_at < size THEN
        FOR i IN 0 .. row_at - 1 LOOP
            lengths := get_byte(body, i);
            IF i = n / 4 THEN
                lengths := lengths & ((1 << (2 * (n % 4))) - 1);
            END IF;
            fall_at := fall_at + (lengths & 3) + ((lengths >> 2) & 3) + ((lengths >> 4) & 3) + (lengths >> 6);
        END LOOP;
    END IF;
    IF fall_at + 2 + n - 1 > sources_at THEN
        RAISE EXCEPTION 'payload of codec 1 with % candidates ends too early: body of % bytes', n, size
            USING ERRCODE = 'data_corrupted',
                HINT = 'The bytes were damaged: publish the release again, or roll back.';
    END IF;
    bits := get_byte(body, fall_at) | (get_byte(body, fall_at + 1) << 8);
    fall_at := fall_at + 2;

    FOR i IN 0 .. n - 1 LOOP
        extra := (get_byte(body, i >> 2) >> ((i & 3) << 1)) & 3;
        item_row := CASE extra
            WHEN 0 THEN get_byte(body, row_at)
            WHEN 1 THEN get_byte(body, row_at) | (get_byte(body, row_at + 1) << 8)
            WHEN 2 THEN get_byte(body, row_at) | (get_byte(body, row_at + 1) << 8)
                | (get_byte(body, row_at + 2) << 16)
            ELSE get_byte(body, row_at) | (get_byte(body, row_at + 1) << 8)
                | (get_byte(body, row_at + 2) << 16) | (get_byte(body, row_at + 3) << 24)
        END;
        row_at := row_at + extra + 1;
        IF i > 0 THEN
            fall := get_byte(body, fall_at);
            fall_at := fall_at + 1;
            IF fall >= 128 THEN
                fall := (fall & 127) | (get_byte(body, fall_at) << 7);
                fall_at := fall_at + 1;
                IF fall >= 16384 THEN
                    fall := (fall & 16383) | (get_byte(body, fall_at) << 14);
                    fall_at := fall_at + 1;
                END IF;
            END IF;
            bits := bits - fall;
        END IF;
        source := nearline.source_label((get_byte(body, sources_at + (i >> 1)) >> ((i & 1) << 2)) & 15);
        IF item_row < 0 OR source IS NULL OR bits NOT BETWEEN 1024 AND 64511 OR fall_at > sources_at THEN
            PERFORM nearline.refuse_candidate(i + 1, item_row, source);
        END IF;
        rank := i + 1;
        score := nearline.half_to_real(bits);
        RETURN NEXT;
    END LOOP;
    IF fall_at <> sources_at THEN
        PERFORM nearline.refuse_candidate(n, 0, '');
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack_packed(bytea, int) IS
    'The candidates of codec 1: StreamVByte rows, LEB128 falls, 4-bit sources; nearline.unpack calls it.';

CREATE FUNCTION nearline.end_of_ones(bits bit varying, begin_at int, ones int) RETURNS int
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    -- So many bits behind begin_at hold too few, and enough.
    low  int := ones - 1;
    high int := least(16 * ones, length(bits) - begin_at + 1);
    half int;
BEGIN
    IF ones = 0 THEN
        RETURN begin_at;
    END IF;
    IF high < ones OR bit_count(substring(bits FROM begin_at FOR high)) < ones THEN
        RETURN NULL;
    END IF;
    WHILE high - low > 1 LOOP
        half := (low + high) / 2;
        IF bit_count(substring(bits FROM begin_at FOR half)) < ones THEN
            low := half;
        ELSE
            high := half;
        END IF;
    END LOOP;
    RETURN begin_at + high;
END
$$;
COMMENT ON FUNCTION nearline.end_of_ones(bit varying, int, int) IS
    'The place behind so many ones from a place on, that is behind so many unary numbers; NULL where there are fewer.';

CREATE FUNCTION nearline.unpack_bytes(codec int, n int, raw_length int, body bytea)
RETURNS TABLE (rank int, item_row int, score real, source text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 5000 ROWS 100 AS $$
DECLARE
    key    bigint;
    shared bytea;
BEGIN
    IF codec = 1 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_packed(body, n);
    ELSIF codec = 0 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_planes(body, n);
    ELSIF codec = 2 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_planes(nearline.lz4_block(body, raw_length), n);
    ELSE
        key := get_byte(body, 0) | (get_byte(body, 1) << 8) | (get_byte(body, 2) << 16)
            | (get_byte(body, 3)::bigint << 24);
        SELECT bytes INTO shared FROM nearline.payload_dictionary WHERE dictionary = key;
        IF shared IS NULL THEN
            RAISE EXCEPTION 'payload was written with dictionary %, which nearline.payload_dictionary does not have', key
                USING ERRCODE = 'data_corrupted', HINT =
                    'Dictionaries stay as long as payloads of their release: restore the row, or publish again.';
        END IF;
        RETURN QUERY SELECT * FROM nearline.unpack_planes(
            nearline.lz4_block(substring(body FROM 5), raw_length, shared), n);
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack_bytes(int, int, int, bytea) IS
    'The candidates of codecs 0 to 3, which are made of whole bytes; nearline.unpack calls it.';

CREATE OR REPLACE FUNCTION nearline.unpack(payload bytea)
RETURNS TABLE (rank int, item_row int, score real, source text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 5000 ROWS 100 AS $$
DECLARE
    header      record;
    n           int;
    bits        bit varying;    -- of the body
    place       int := 8;       -- the next bit of the head, from 1
    band_bits   int;
    width       int;
    base        bigint := 0;
    bases       bigint[];       -- of bands, from 0
    widths      int[];
    band        int;
    rices       int[] := '{}';  -- the parameter of each group of ranks
    rice        int := 0;
    mask        int;            -- of the bits of a rest
    has_falls   boolean;
    begins      int := 0;       -- the ranks of a group
    ends        int := 1;
    falls       int := 0;       -- that are written
    form        int;            -- of the sources: 0 one for all, 1 fixed, 2 unary, 3 runs
    labels      text[] := '{}';
    source_bits int;
    run_bits    int;
    run_ends    int := 0;
    source_at   int;            -- the next bit of each part
    band_at     int;
    fall_at     int;
    rest_at     int;
    ones_at     int;            -- where the next unary number ends, from its first bit
    rest        bigint;         -- the place in the band, then the lowest bits of the fall
    sortable    int;            -- bits of the score
    is_special  boolean;        -- rows may be too large, or sources differ
BEGIN
    header := nearline.payload_header(payload);
    n := header.n;
    IF header.codec <> 4 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_bytes(header.codec, header.n, header.raw_length, header.body);
        RETURN;
    ELSIF n = 0 THEN
        RETURN;
    END IF;

    -- The head.
    bits := ('x' || encode(header.body, 'hex'))::bit varying;
    band_bits := substring(bits FROM 1 FOR 2)::int;
    width := substring(bits FROM 3 FOR 5)::int;
    run_bits := 17 - coalesce(nullif(position(B'1' IN (n - 1)::bit(16)), 0), 17);
    FOR i IN 0 .. (1 << band_bits) - 1 LOOP
        IF i > 0 THEN
            width := width + substring(bits FROM place FOR 2)::int;
            place := place + 2;
        END IF;
        bases[i] := base;
        widths[i] := width;
        base := base + (1::bigint << width);
    END LOOP;
    sortable := substring(bits FROM place FOR 16)::int;
    place := place + 16;
    WHILE ends < n LOOP
        rice := substring(bits FROM place FOR 4)::int;
        place := place + 4;
        rices := rices || rice;
        IF rice < 15 THEN
            falls := falls + least(n, 4 * ends) - ends;
        END IF;
        ends := 4 * ends;
    END LOOP;
    form := substring(bits FROM place FOR 2)::int;
    place := place + 2;
    ends := 0;
    IF form > 0 THEN
        ends := substring(bits FROM place FOR 4)::int;
        place := place + 4;
    END IF;
    source_bits := 5 - coalesce(nullif(position(B'1' IN ends::bit(4)), 0), 5);
    FOR i IN 0 .. ends LOOP
        source := nearline.source_label(substring(bits FROM place FOR 4)::int);
        IF source IS NULL THEN
            PERFORM nearline.refuse_candidate(1, 0, NULL);
        END IF;
        labels := labels || source;
        place := place + 4;
    END LOOP;

    -- Where the parts begin.
    band_at := place;
    source_at := place + n * band_bits;
    fall_at := source_at;
    IF form = 1 THEN
        fall_at := source_at + n * source_bits;
    ELSIF form = 2 THEN
        fall_at := nearline.end_of_ones(bits, source_at, n);
    ELSIF form = 3 THEN
        WHILE run_ends < n LOOP
            run_ends := run_ends + 1 + substring(bits FROM fall_at + source_bits FOR run_bits)::int;
            fall_at := fall_at + source_bits + run_bits;
        END LOOP;
    END IF;
    rest_at := nearline.end_of_ones(bits, fall_at, falls);
    IF width > 31 OR rest_at IS NULL OR run_ends > n OR sortable > 64511 THEN
        PERFORM nearline.refuse_candidate(1, 0, '');
    END IF;

    -- The candidates, by groups of ranks that share a parameter. No fall is written of the first one, nor of a group
    -- whose parameter is 15.
    is_special := form > 0 OR base > 2147483648;
    run_ends := 0;
    source := labels[1];
    rices := 15 || rices;
    ends := 1;
    WHILE begins < n LOOP
        rice := rices[1];
        rices := rices[2:];
        has_falls := rice < 15;
        rice := rice % 15;
        mask := (1 << rice) - 1;
        FOR i IN begins .. least(n, ends) - 1 LOOP
            band := substring(bits FROM band_at + i * band_bits FOR band_bits)::int;
            rest := substring(bits FROM rest_at FOR widths[band] + rice)::bigint;
            rest_at := rest_at + widths[band] + rice;
            IF has_falls THEN
                ones_at := position(B'1' IN substring(bits FROM fall_at FOR 16));
                fall_at := fall_at + ones_at;
                IF ones_at < 16 THEN
                    sortable := sortable - (((ones_at - 1) << rice) | (rest & mask)::int);
                ELSE
                    rest_at := rest_at + 16 - rice;
                    rest := substring(bits FROM rest_at - widths[band] - 16 FOR widths[band] + 16)::bigint;
                    sortable := sortable - (rest & 65535)::int;
                    rest := (rest >> 16) << rice;
                END IF;
            END IF;
            IF is_special THEN
                IF form = 2 THEN
                    ones_at := position(B'1' IN substring(bits FROM source_at FOR 16));
                    source := labels[ones_at];
                    source_at := source_at + ones_at;
                ELSIF form = 1 THEN
                    source := labels[1 + substring(bits FROM source_at FOR source_bits)::int];
                    source_at := source_at + source_bits;
                ELSIF form = 3 AND i = run_ends THEN
                    source := labels[1 + substring(bits FROM source_at FOR source_bits)::int];
                    run_ends := i + 1 + substring(bits FROM source_at + source_bits FOR run_bits)::int;
                    source_at := source_at + source_bits + run_bits;
                END IF;
                IF source IS NULL OR bases[band] + (rest >> rice) > 2147483647 THEN
                    PERFORM nearline.refuse_candidate(i + 1, bases[band] + (rest >> rice), coalesce(source, ''));
                END IF;
            END IF;
            rank := i + 1;
            item_row := (bases[band] + (rest >> rice))::int;
            score := nearline.half_to_real(sortable);
            RETURN NEXT;
        END LOOP;
        begins := ends;
        ends := 4 * ends;
    END LOOP;

    -- Scores only fall, so the last one tells. Every byte is used, and the last one filled up with zeros.
    IF rank IS DISTINCT FROM n OR sortable < 1024 OR (rest_at + 6) / 8 <> length(header.body)
        OR position(B'1' IN substring(bits FROM rest_at)) > 0 THEN
        PERFORM nearline.refuse_candidate(coalesce(rank, 0), 0, '');
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack(bytea) IS
    'The candidates of a payload, best first, rank from 1: item rows of the release''s dictionary, scores as float16. '
    'Raises data_corrupted where the checksum (of version 2), lengths, scores or sources do not fit.';
