-- Returns the time that an appointment takes of its member of staff, as a range in the local time of the business. It lasts
-- from the start to the end of the buffer. If the end is before the start, the end is on the next day.
-- The function is not STRICT, since PostgreSQL does not inline a STRICT function: a call costs ten times as much as the
-- expression.
-- The index of the exclusion constraint appointment_no_double_booking uses this function: after a change, reindex.
CREATE OR REPLACE FUNCTION public.circe_occupied(
    day date, start_time time, end_time time, buffer_minutes integer
) RETURNS tsrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT tsrange(
        day + start_time,
        day + end_time
            + CASE WHEN end_time < start_time THEN interval '1 day' ELSE interval '0' END
            + buffer_minutes * interval '1 minute'
    )
$$;
