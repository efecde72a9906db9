-- One row per {size} browsed charges: everything else that is known of them, each as a JSON list in the order of
-- `browsed_charges.detail_fields`. `since`, `until`: the first charge that is wanted, and the first that no longer is.
SELECT
    string_agg(
        json_array(
            charge_file.path,
            charge.n - charge_file.first + 2,
            CASE WHEN disposition.decided THEN decided_charge.pi_via ELSE payer.pi_via END,
            CASE WHEN disposition.decided THEN decided_charge.project_via ELSE payer.project_via END,
            CASE WHEN disposition.decided THEN decided_charge.fund_via ELSE payer.fund_via END,
            plain(charge.list),
            plain(browsed.cost){cells}
        )::VARCHAR,
        ',' ORDER BY browsed.place
    )
FROM browsed
JOIN attributed AS charge ON charge.n = browsed.n
JOIN charge_file ON charge_file.file = charge.file
JOIN cell ON cell.n = charge.n
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN decided_charge ON decided_charge.n = charge.n
WHERE browsed.place >= $since AND browsed.place < $until
GROUP BY browsed.place // {size}
ORDER BY browsed.place // {size}
