// Cohort retention by month
//
// Asks:   of the customers who first bought in a month, how many buy again in the months after?
// Answer: a row for each month of first purchases: customers is how many there were, month_01 how
//         many of them bought in the month after, month_02 in the one after that, and so on. A month
//         in which none of them bought is absent.
// Read:   divide by customers for the share that came back. The last months of young cohorts are
//         absent because they have not been yet.
// Exact:  whatever the order in which purchases reach the log: a cohort is the month of the earliest
//         day. A debit that was reversed still shows that the customer was there.
// Change: months to quarters in monthOf and monthsBetween; DebitPosted to CheckoutPosted.
// Chart:  --chart cohorts.svg --x cohort --y month_01 --y month_02 --y month_03

fromCategory("account").foreachStream().when({
  $initShared: () => ({}),
  $init: () => ({ months: [] }),
  DebitPosted([one, all], e) {
    const month = monthOf(e);
    if (!one.months.includes(month)) {
      count(all, one.months, -1);
      one.months.push(month);
      one.months.sort();
      count(all, one.months, 1);
    }
  },
}).filterBy(() => false); // the answer is what customers share

// count counts a customer's months in (by 1) or out (by -1).
function count(all, months, by) {
  const first = months[0];
  for (const month of months) {
    all[first] ||= { cohort: first };
    const after = monthsBetween(first, month);
    const key = after === 0 ? "customers" : "month_" + String(after).padStart(2, "0");
    all[first][key] = (all[first][key] || 0) + by;
    if (all[first][key] === 0) {
      delete all[first][key];
    }
  }
  if (first && !all[first].customers) {
    delete all[first];
  }
}

function monthOf(e) {
  return e.metadata.business_date.slice(0, 7);
}

function monthsBetween(from, to) {
  const months = m => 12 * Number(m.slice(0, 4)) + Number(m.slice(5));
  return months(to) - months(from);
}
