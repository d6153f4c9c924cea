// Repeat-purchase distribution
//
// Asks:   how many customers have bought once, twice, three times?
// Answer: a row for each number of purchases: customers is how many accounts have exactly that many,
//         the last row's that many or more.
// Read:   the step from 1 to 2 is the one worth a campaign: who came twice is far likelier to come
//         again.
// Exact:  a debit counts when it is posted and no longer when it is reversed; one that was refunded
//         still counts.
// Change: MOST for more rows; DebitPosted to TopUpPosted to ask the same of top-ups.
// Chart:  --chart repeat.svg --chart-kind bar --x purchases --y customers

const MOST = 10;

fromCategory("account").foreachStream().when({
  $initShared: () => ({}),
  $init: () => ({ purchases: 0 }),
  DebitPosted: ([one, all]) => move(one, all, 1),
  DebitReversed: ([one, all]) => move(one, all, -1),
}).filterBy(() => false); // the answer is what customers share

// move takes a customer from its row to the one beside it.
function move(one, all, by) {
  add(all, one.purchases, -1);
  one.purchases += by;
  add(all, one.purchases, 1);
}

function add(all, purchases, by) {
  if (purchases === 0) {
    return;
  }
  const key = String(Math.min(purchases, MOST)).padStart(2, "0");
  all[key] ||= { purchases: purchases < MOST ? String(purchases) : MOST + "+", customers: 0 };
  all[key].customers += by;
}
