// Coupon funnel
//
// Asks:   of the coupons a campaign has given, how many are used, expire, or come back?
// Answer: a row for each coupon definition (definition@version): granted coupons; used, how many of
//         them were used at least once; uses, which is more where one may be used several times; reserved
//         for orders; restored by returns; expired, revoked and recycled unused; discount given
//         less what returns took back (decimal text in the unit).
// Read:   used_percent is what the campaign converts. Many reservations beside few uses are baskets
//         that were left behind.
// Exact:  counts are of events; a coupon that was restored and used again counts twice in uses.
// Change: the partition to e.body.campaign for whole campaigns, or to e.body.partner of CouponGranted.
// Chart:  --chart funnel.svg --chart-kind bar --x definition --y granted --y reserved --y used

fromCategory("account").partitionBy(e => e.body.campaign && e.body.campaign + " " + e.body.definition).when({
  $init: () => ({
    granted: 0, reserved: 0, used: 0, uses: 0, restored: 0, expired: 0, revoked: 0, recycled: 0,
    discount: "0", unit: "",
  }),
  $created(s, e) {
    s.campaign = e.body.campaign;
    s.definition = e.body.definition;
  },
  CouponGranted(s) { s.granted++; },
  CouponReserved(s) { s.reserved++; },
  CouponRedeemed(s, e) {
    s.uses++;
    s.used += e.body.use === 1 ? 1 : 0;
    s.unit = e.body.unit;
    s.discount = plus(s.discount, e.body.discount);
  },
  CouponRestored(s, e) {
    s.restored += e.body.use > 0 ? 1 : 0;
    s.used -= e.body.use === 1 ? 1 : 0;
    s.discount = minus(s.discount, e.body.discount_returned);
  },
  CouponExpired(s) { s.expired++; },
  CouponRevoked(s) { s.revoked++; },
  CouponRecycled(s) { s.recycled++; },
}).transformBy(s => ({ ...s, used_percent: s.granted ? Math.round(10000 * s.used / s.granted) / 100 : 0 }));

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
