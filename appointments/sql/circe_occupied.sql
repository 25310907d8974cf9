-- Returns the time range of an appointment, in the local time of the business. An end before the start is on the next day.
-- The exclusion constraint appointment_no_double_booking has an index on it: after a change of this function, reindex.
CREATE OR REPLACE FUNCTION public.circe_occupied(day date, start_time time, end_time time) RETURNS tsrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT tsrange(
        day + start_time,
        day + end_time + CASE WHEN end_time < start_time THEN interval '1 day' ELSE interval '0' END
    )
$$;
