// Breakage curve
//
// Asks:   of the value that customers paid for, what is used, and what expires, by its age in months?
// Answer: a row for each unit and age from 00 to 24 months: issued in all, and of that used and
//         expired up to that age (decimal text in the unit). The last row holds what came later, too.
// Read:   expired of the last row over issued is the breakage so far; where the used line has gone
//         flat, little of the rest will come. Value younger than a row's age has not had its time yet:
//         ask with --until for issues that have.
// Exact:  age counts whole months from the day the account got the value; what a transfer brought
//         begins anew there. Refunds take back from used, extensions from expired, on their day.
// Change: CLASSES to ["bonus"] for what was given for nothing; MONTHS for a longer curve.
// Chart:  --chart breakage.svg --x age --y used --y expired

const CLASSES = ["principal"];
const MONTHS = 24;

fromCategory("account").foreachStream().when({
  $initShared: () => ({}),
  $init: () => ({ lots: {} }),
  TopUpPosted: issue,
  CreditGranted: issue,
  TransferReceived: issue,
  DebitPosted: (s, e) => take(s, e, "used"),
  DebitRefunded: (s, e) => take(s, e, "used"),
  DebitReversed: (s, e) => take(s, e, "used"),
  LotExpired: (s, e) => take(s, e, "expired"),
  LotExtended: (s, e) => take(s, e, "expired"),
}).filterBy(() => false); // the answer is what accounts share

// issue remembers the days of new lots.
function issue([one, all], e) {
  for (const lot of e.body.lots || []) {
    if (CLASSES.includes(lot.class)) {
      one.lots[lot.id] = e.metadata.business_date;
      raise(all, e.body.amount.unit, 0, "issued", lot.face);
    }
  }
}

// take counts what an event took out of lots, at their age.
function take([one, all], e, column) {
  for (const move of e.body.moves) {
    const since = one.lots[move.lot];
    if (since !== undefined) {
      const age = Math.min(MONTHS, monthsBetween(since, e.metadata.business_date));
      raise(all, e.body.amount.unit, age, column, minus("0", move.amount));
    }
  }
}

// raise adds to a column from an age on.
function raise(all, unit, from, column, amount) {
  const zero = minus(amount, amount);
  for (let age = 0; age <= MONTHS; age++) {
    const name = String(age).padStart(2, "0");
    all[unit + " " + name] ||= { unit, age: name, issued: zero, used: zero, expired: zero };
    if (age >= from) {
      all[unit + " " + name][column] = plus(all[unit + " " + name][column], amount);
    }
  }
}

// monthsBetween is the number of whole months, none where to is before from.
function monthsBetween(from, to) {
  const months = day => 12 * Number(day.slice(0, 4)) + Number(day.slice(5, 7));
  return Math.max(0, months(to) - months(from) - (to.slice(8) < from.slice(8) ? 1 : 0));
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

// minus is a less b.
function minus(a, b) {
  return plus(a, b.startsWith("-") ? b.slice(1) : "-" + b);
}
