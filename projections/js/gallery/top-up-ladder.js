// Top-up ladder effect
//
// Asks:   which steps of the bonus ladder do customers reach, and what do they cost?
// Answer: a row for each unit, program and step: top_ups, paid and bonus (decimal text in the unit),
//         bonus_percent of what was paid, smallest and largest that was paid, and at_smallest, how
//         many paid exactly the smallest. What no ladder gave a bonus stands at the step "none".
// Read:   a step pulls where at_smallest is a large part of top_ups: people rounded up to reach it. A
//         step with few top-ups beside a crowded one below it is set too high.
// Exact:  amounts are; bonus_percent is rounded to two digits. A top-up that was reversed later still
//         counts as sold. Versions of a program are told apart.
// Change: steps to months by adding metadata.business_date.slice(0, 7) to stepOf.
// Chart:  --chart ladder.svg --chart-kind bar --x step --y top_ups --y at_smallest

fromCategory("account").partitionBy(e => [e.body.paid.unit, stepOf(e)].join(" ")).when({
  $init: () => ({ top_ups: 0, paid: "0", bonus: "0", smallest: "", largest: "", at_smallest: 0 }),
  $created(s, e) {
    s.unit = e.body.paid.unit;
    s.program = e.body.ladder ? e.body.ladder.version : "";
    s.step = e.body.ladder ? e.body.ladder.step : "none";
    s.bonus = minus(e.body.paid.amount, e.body.paid.amount);
  },
  TopUpPosted(s, e) {
    const paid = e.body.paid.amount;
    s.top_ups++;
    s.paid = plus(s.paid, paid);
    if (e.body.bonus) {
      s.bonus = plus(s.bonus, e.body.bonus.amount);
    }
    if (s.smallest === "" || minus(paid, s.smallest).startsWith("-")) {
      s.smallest = paid;
      s.at_smallest = 0;
    }
    if (s.largest === "" || minus(s.largest, paid).startsWith("-")) {
      s.largest = paid;
    }
    if (paid === s.smallest) {
      s.at_smallest++;
    }
  },
}).transformBy(s => ({ ...s, bonus_percent: percent(s.bonus, s.paid) }));

function stepOf(e) {
  return e.body.ladder ? e.body.ladder.version + " " + e.body.ladder.step : "none";
}

// percent is a in percent of b, rounded to two digits; a share, not an amount.
function percent(a, b) {
  return Number(b) === 0 ? 0 : Math.round(10000 * Number(a) / Number(b)) / 100;
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
