// Dormant balances
//
// Asks:   which accounts have value left, and were not used for half a year?
// Answer: a row for each such account and unit: balance (decimal text in the unit), the last day on
//         which its customer did something, and the days since, up to the last day that the log has.
// Read:   the sum of balance is what breakage and reminders are about. Sort by balance to find whom to
//         call.
// Exact:  what the service does by itself (expiry, reminders, corrections) moves the balance and
//         counts as no use.
// Change: DAYS; OWN, the events that count as use.
// Chart:  --chart dormant.svg --chart-kind bar --x account --y balance

const DAYS = 180;
const OWN = ["TopUpPosted", "DebitPosted", "HoldPlaced", "PointsSpent", "PointsConverted", "TransferSent",
  "WithdrawalRequested"];

fromCategory("account").partitionBy(partition).when({
  $initShared: () => ({ last: "" }),
  $init: () => ({ last: "", balance: "0" }),
  $any([one, all], e) {
    const day = e.metadata.business_date;
    one.account = e.streamId.slice(8); // without "account-"
    one.unit = e.body.balance.unit;
    one.balance = e.body.balance.total;
    if (one.last === "" || OWN.includes(e.eventType) && day > one.last) {
      one.last = day;
    }
    if (day > all.last) {
      all.last = day;
    }
  },
}).transformBy(([one, all]) => ({
  account: one.account, unit: one.unit, balance: one.balance, last: one.last,
  days: (Date.parse(all.last) - Date.parse(one.last)) / 86400000,
})).filterBy(row => row.days >= DAYS && Number(row.balance) > 0);

// partition passes over events that move no value.
function partition(e) {
  return e.body?.balance && e.streamId.slice(8) + " " + e.body.balance.unit;
}
