-- 0002_unpack.sql: payloads as rows, in stock PostgreSQL: codecs 0 (byte planes), 1 (packed) and 2 (planes under LZ4).
-- Sources/ResultCodec says what the bytes are. `|` and `<<` bind equally in PostgreSQL: hence the parentheses.

-- Not STRICT, here and in half_to_real: PostgreSQL inlines a STRICT function only where it sees that NULL stays NULL.
CREATE FUNCTION nearline.source_label(source int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE source WHEN 0 THEN 'model' WHEN 1 THEN 'repeat' WHEN 2 THEN 'transition' WHEN 3 THEN 'popular' END
$$;
COMMENT ON FUNCTION nearline.source_label(int) IS
    'Why a candidate is in a list, as a word; NULL for a source that this version does not know.';

-- A float16 is an integer times 2^-24: the fraction, with its hidden bit, shifted by the exponent. So power() is not
-- needed, and nothing is rounded. The four cases: positive, positive subnormal, negative subnormal, negative.
CREATE FUNCTION nearline.half_to_real(sortable int) RETURNS real
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (CASE
        WHEN sortable >= 33792 THEN (((sortable & 1023) | 1024)::bigint << (((sortable >> 10) & 31) - 1)) * 2^(-24)
        WHEN sortable >= 32768 THEN (sortable & 1023) * 2^(-24)
        WHEN sortable >= 31744 THEN (1023 - (sortable & 1023)) * -(2^(-24))
        ELSE ((2047 - (sortable & 1023))::bigint << (30 - ((sortable >> 10) & 31))) * -(2^(-24))
    END)::real
$$;
COMMENT ON FUNCTION nearline.half_to_real(int) IS
    'The score behind the sortable bits of a finite float16 (1024 to 64511): the bits with the sign turned over, '
    'all bits turned over where the score is negative.';

CREATE FUNCTION nearline.lz4_block(input bytea, raw_length int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    block    bytea := substring(input FROM 1);  -- brings a value from TOAST into memory once, not at every get_byte
    size     int   := length(block);
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
        EXIT WHEN back = 0 OR back > written;
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
        piece := substring(output FROM written - back + 1 FOR least(back, run));
        -- A match may reach into what it writes itself: that repeats its first `back` bytes.
        WHILE length(piece) < run LOOP
            piece := piece || piece;
        END LOOP;
        output := output || substring(piece FROM 1 FOR run);
        written := written + run;
    END LOOP;
    RAISE EXCEPTION 'the LZ4 block is malformed at byte % of %, with % of % bytes decompressed',
        position, size, written, raw_length
        USING ERRCODE = 'data_corrupted', HINT = 'The bytes were damaged: publish the release again, or roll back.';
END
$$;
COMMENT ON FUNCTION nearline.lz4_block(bytea, int) IS
    'Decompresses an LZ4 block to exactly raw_length bytes, or raises data_corrupted; reads nothing outside its input.';

-- The checksum (bytes 10 to 13) is XXH3, which SQL cannot compute: what does not fit together is refused here, but a
-- flipped bit in a row or a score passes. ResultCodec checks it.
CREATE FUNCTION nearline.unpack(payload bytea)
RETURNS TABLE (rank int, item_row int, score real, source text)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000 ROWS 100 AS $$
DECLARE
    newer      CONSTANT text := 'Was it written by a newer Nearline? Run nearline migrate.';
    damaged    CONSTANT text := 'The bytes were damaged: publish the release again, or roll back.';
    header     bytea := substring(payload FROM 1 FOR 14);
    body       bytea := substring(payload FROM 15);  -- also brings a value from TOAST into memory once
    size       int   := length(body);
    codec      int;
    n          int;
    raw_length int;
    lengths    int;       -- StreamVByte: four 2-bit lengths less one
    extra      int;       -- bytes of a row less one
    row_at     int := 0;  -- the next byte of the packed rows
    fall_at    int := 0;  -- the next byte of the packed falls
    sources_at int := 0;  -- where the packed sources begin
    fall       int;
    bits       int;       -- sortable bits of the score
BEGIN
    IF length(header) < 14 OR get_byte(header, 0) <> 78 THEN
        RAISE EXCEPTION 'not a payload: % bytes that do not begin with a header', length(payload)
            USING ERRCODE = 'data_corrupted',
                HINT = 'Is this a payload column? Was it written by a newer Nearline? Run nearline migrate.';
    END IF;
    codec := get_byte(header, 2);
    IF get_byte(header, 1) <> 1 OR codec > 2 OR get_byte(header, 3) <> 0 THEN
        RAISE EXCEPTION 'payload of version %, codec %, reserved byte %; known are version 1, codecs 0 to 2, 0',
            get_byte(header, 1), codec, get_byte(header, 3)
            USING ERRCODE = 'data_corrupted', HINT = newer;
    END IF;
    n := get_byte(header, 4) | (get_byte(header, 5) << 8);
    raw_length := get_byte(header, 6) | (get_byte(header, 7) << 8) | (get_byte(header, 8) << 16)
        | (get_byte(header, 9) << 24);
    IF (codec <> 1 AND raw_length <> 7 * n) OR (codec <> 2 AND raw_length <> size)
        OR (n = 0 AND raw_length <> 0) THEN
        RAISE EXCEPTION 'payload of codec % with % candidates: body of % bytes, stated as % when decompressed',
            codec, n, size, raw_length
            USING ERRCODE = 'data_corrupted', HINT = damaged;
    END IF;

    IF codec = 2 THEN
        body := nearline.lz4_block(body, raw_length);
    ELSIF codec = 1 AND n > 0 THEN
        row_at := (n + 3) / 4;
        sources_at := size - (n + 1) / 2;
        fall_at := row_at + n;
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
                USING ERRCODE = 'data_corrupted', HINT = damaged;
        END IF;
        bits := get_byte(body, fall_at) | (get_byte(body, fall_at + 1) << 8);
        fall_at := fall_at + 2;
        -- A fall that is cut off reads at most these two bytes too many; where it ended tells, in the loop.
        body := body || decode('0000', 'hex');
    END IF;

    FOR i IN 0 .. n - 1 LOOP
        IF codec = 1 THEN
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
        ELSE
            item_row := get_byte(body, i) | (get_byte(body, n + i) << 8) | (get_byte(body, 2 * n + i) << 16)
                | (get_byte(body, 3 * n + i) << 24);
            fall := get_byte(body, 4 * n + i) | (get_byte(body, 5 * n + i) << 8);
            bits := CASE i WHEN 0 THEN fall ELSE bits - fall END;
            source := nearline.source_label(get_byte(body, 6 * n + i));
        END IF;
        -- 1024 to 64511 are the finite scores.
        IF item_row < 0 OR source IS NULL OR bits NOT BETWEEN 1024 AND 64511 OR fall_at > sources_at THEN
            EXIT;
        END IF;
        rank := i + 1;
        score := nearline.half_to_real(bits);
        RETURN NEXT;
    END LOOP;

    IF source IS NULL AND n > 0 THEN
        RAISE EXCEPTION 'candidate % of a payload has a source that is not known here', coalesce(rank, 0) + 1
            USING ERRCODE = 'data_corrupted', HINT = newer;
    END IF;
    IF item_row < 0 THEN
        RAISE EXCEPTION 'candidate % of a payload has an item row above 2147483647', coalesce(rank, 0) + 1
            USING ERRCODE = 'data_corrupted', HINT = damaged;
    END IF;
    IF rank IS DISTINCT FROM nullif(n, 0) OR fall_at <> sources_at THEN
        RAISE EXCEPTION 'the scores of a payload break off or stop falling behind candidate %', coalesce(rank, 0)
            USING ERRCODE = 'data_corrupted', HINT = damaged;
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack(bytea) IS
    'The candidates of a payload, best first, rank from 1: item rows of the release''s dictionary, scores as float16. '
    'Raises data_corrupted where lengths, scores or sources do not fit; cannot verify the checksum.';
