-- A slot after work: held by nobody, idle from then on, and with what was done in this log-in counted. By its key; its
-- session is locked. Held by the contact since the offer, by the same clock as the end.
UPDATE agents_slot
SET held = false,
    idle_since = %(at)s,
    contacts = contacts + 1,
    busy_seconds = busy_seconds + greatest(0, extract(epoch FROM %(at)s - offered_at)),
    occupancy = (busy_seconds + greatest(0, extract(epoch FROM %(at)s - offered_at)))
                / greatest(1, extract(epoch FROM %(at)s - %(logged_in_at)s))
WHERE id = %(slot)s
