// RFM scores
//
// Asks:   which customers bought lately (recency), often (frequency) and for much money (monetary)?
// Answer: a row for each account and unit: last day of a debit, days since (counted from the last day
//         that the log has, not from today), purchases, spent (decimal text in the unit), and r, f, m
//         from 1 to 5: 5 is the fifth of the customers that is best. score puts the three side by side.
// Read:   555 are the best customers; 155 were, and stay away; 511 came once, just now. Customers who
//         are alike get the same score, so fifths may differ in size.
// Exact:  spent is exact. Customers are ranked by it at two digits (345.60 ranks as 340), so the
//         shared state stays small however many customers there are.
// Change: PARTS to 4 or 10; the row at the end to what you need.
// Chart:  rows are customers, better as a table or CSV: --output csv

const PARTS = 5;

fromCategory("account").partitionBy(e => e.body.account_id + " " + e.body.amount.unit).when({
  $initShared: () => ({ last: "", units: {} }),
  $init: () => ({ last: "", purchases: 0, spent: "0" }),
  DebitPosted: (s, e) => bought(s, e, 1, e.body.amount.amount),
  DebitRefunded: (s, e) => bought(s, e, 0, "-" + e.body.amount.amount),
  DebitReversed: (s, e) => bought(s, e, -1, "-" + e.body.amount.amount),
}).filterBy(([one]) => one.purchases > 0).transformBy(([one, all]) => {
  const ranks = all.units[one.unit];
  const r = part(ranks.last, one.last, ranks.customers);
  const f = part(ranks.purchases, atTwoDigits(one.purchases), ranks.customers);
  const m = part(ranks.spent, atTwoDigits(one.spent), ranks.customers);
  return {
    account: one.account, unit: one.unit, last: one.last, days: daysBetween(one.last, all.last),
    purchases: one.purchases, spent: one.spent, r, f, m, score: "" + r + f + m,
  };
});

// bought changes a customer, and moves it among the others.
function bought([one, all], e, purchases, amount) {
  one.account = e.body.account_id;
  one.unit = e.body.amount.unit;
  rank(all, one, -1);
  one.purchases += purchases;
  one.spent = plus(one.spent, amount);
  if (purchases > 0 && e.metadata.business_date > one.last) {
    one.last = e.metadata.business_date;
  }
  if (one.last > all.last) {
    all.last = one.last;
  }
  rank(all, one, 1);
}

// rank counts a customer in (by 1) or out (by -1). Who has bought nothing is not counted.
function rank(all, one, by) {
  if (one.purchases === 0) {
    return;
  }
  all.units[one.unit] ||= { customers: 0, last: {}, purchases: {}, spent: {} };
  const ranks = all.units[one.unit];
  ranks.customers += by;
  add(ranks.last, one.last, by);
  add(ranks.purchases, atTwoDigits(one.purchases), by);
  add(ranks.spent, atTwoDigits(one.spent), by);
}

function add(counts, value, by) {
  counts[value] = (counts[value] || 0) + by;
  if (counts[value] === 0) {
    delete counts[value];
  }
}

// part is 1 to PARTS, by how many customers have less.
function part(counts, value, customers) {
  let less = 0;
  for (const other in counts) {
    if (typeof value === "number" ? Number(other) < value : other < value) {
      less += counts[other];
    }
  }
  return 1 + Math.floor(PARTS * less / customers);
}

// atTwoDigits is the whole part of a number, with all but its first two digits made zero.
function atTwoDigits(number) {
  const whole = String(number).split(".")[0];
  return Number(whole.slice(0, 2).padEnd(whole.length, "0"));
}

function daysBetween(from, to) {
  return (Date.parse(to) - Date.parse(from)) / 86400000;
}

// plus adds two amounts in decimal text, exactly: as whole numbers of the unit's smallest step. Up to
// 2^53 steps (90 trillion at two digits) JavaScript holds them; beyond, the script stops.
function plus(a, b) {
  const places = b.includes(".") ? b.length - b.indexOf(".") - 1 : 0;
  const x = Number(a.replace(".", "")), y = Number(b.replace(".", ""));
  if (![x, y, x + y].every(Number.isSafeInteger)) {
    throw new RangeError(a + " and " + b + " are more than 2^53 steps");
  }
  const digits = String(Math.abs(x + y)).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  return (x + y < 0 ? "-" : "") + whole + (places ? "." + digits.slice(-places) : "");
}
