package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// openSold is a shop whose bank bears a third of what a coupon took off a sale; of two lattes one came
// back the same day, elsewhere.
func openSold(t *testing.T) (s *shop, path string) {
	s = openWithAdmin(t)
	s.addKeyOf(domain.APIKey{Role: domain.RoleMarketing}, keyOf("checker"))
	s.post("/v1/campaigns", `{"id":"spring","name":"Spring","partner":"=bank","cost_share":"33.3"}`).is(201)
	s.post("/v1/campaigns/spring/definitions", `{"id":"ten","kind":"amount_off","unit":"CNY",
		"value":{"amount":{"amount":"10.00","unit":"CNY"}},"validity":{"days":30}}`).is(201)
	s.ask("checker", "POST", "/v1/campaigns/spring/approve", `{}`).send().is(200)
	s.post("/v1/campaigns/spring/activate", `{}`).is(200)
	path = s.account("C-1", "100")
	coupon := s.post(path+"/coupons", `{"campaign":"spring","definition":"ten"}`).is(201).at("id")
	sale := s.post(path+"/checkouts", `{"lines":[`+latte+`],"stored_value":"rest","coupons":["`+coupon+
		`"],"store":"S1","terminal":"T1","pos_txn_id":"7"}`).is(201).at("id")
	s.post(path+"/checkouts/"+sale+"/returns",
		`{"lines":[{"n":1,"qty":1}],"store":"S2","terminal":"T1","pos_txn_id":"8"}`).is(201)
	return s, path
}

// TestCouponCost: who bears what, by store, as CSV, and as it was at a position.
func TestCouponCost(t *testing.T) {
	s, path := openSold(t)
	const report = "/v1/reports/coupon-cost"
	s.get(fmt.Sprint(report, "?max_wait=10s&min_position=", s.head())).is(200).has(fields{
		"data.0.definition": "ten@1", "data.0.partner": "=bank", "data.0.cost_share": "33.3",
		"data.0.uses": "1", "data.0.given": "10.00", "data.0.returned": "5.00", "data.0.discount": "5.00",
		"data.0.partner_cost": "1.67", "data.0.own_cost": "3.33", "data.0.day": "", "data.1": "",
		"borne.0.partner": "", "borne.0.cost": "3.33", "borne.1.partner": "=bank", "borne.1.cost": "1.67"})
	stores := s.get(report + "?by=store,day&partner=%3Dbank").is(200).has(fields{"query.by": `["day","store"]`,
		"data.0.store": "S1", "data.0.given": "10.00", "data.0.partner_cost": "3.33",
		"data.1.store": "S2", "data.1.uses": "0", "data.1.discount": "-5.00", "data.1.own_cost": "-3.34"})
	day := stores.at("data.0.day")
	s.get(report + "?through=2020-01-01").is(200).has(fields{"data": "[]", "borne": "[]"})
	s.get(report + "?from=" + day + "&through=" + day + "&store=S2").is(200).
		has(fields{"data.0.returned": "5.00"})
	file := s.get(report + "?format=csv&campaign=spring").is(200)
	at := stores.at("as_of_position")
	want := strings.Join([]string{"campaign,definition,partner,cost_share,day,store,unit,uses,given,returned," +
		"discount,partner_cost,own_cost,as_of_position",
		"spring,ten@1,'=bank,33.3,,,CNY,1,10.00,5.00,5.00,1.67,3.33," + at, ""}, "\n")
	if file.text != want || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") {
		t.Errorf("got %s, want %s", file.text, want)
	}
	sale := s.get(path + "/checkouts").is(200).at("data.0.id")
	s.post(path+"/checkouts/"+sale+"/returns", `{"lines":[{"n":1,"qty":1}]}`).is(201)
	s.get(fmt.Sprint(report, "?max_wait=10s&min_position=", s.head())).is(200).
		has(fields{"data.0.uses": "0", "data.0.discount": "0.00", "data.0.partner_cost": "0.00"})
	if again := s.get(report + "?format=csv&campaign=spring&at_position=" + at).is(200); again.text != want {
		t.Errorf("at its position: got %s, want %s", again.text, want)
	}
	for query, field := range map[string]string{"from=2020": "from", "through=x": "through",
		"from=2020-01-02&through=2020-01-01": "through", "by=shop": "by", "by=day,": "by", "format=xml": "format",
		"at_position=x": "at_position", "at_position=0": "at_position"} {
		s.get(report+"?"+query).refused(400, "malformed").has(fields{"errors.0.field": field})
	}
}

// TestListCheckouts: sales are found by what a till and marketing know of them.
func TestListCheckouts(t *testing.T) {
	s, path := openSold(t)
	got := s.get(fmt.Sprint("/v1/checkouts?max_wait=10s&min_position=", s.head())).is(200).has(fields{
		"data.0.status": "partly_returned", "data.0.net.amount": "40.00", "data.0.returned.amount": "20.00",
		"data.0.coupons": "1", "data.0.pos_txn_id": "7", "data.1": ""})
	s.get("/v1/checkouts?store=S1&terminal=T1&pos_txn_id=7&campaign=spring&status=partly_returned&account_id=" +
		got.at("data.0.account_id")).is(200).has(fields{"data.0.id": got.at("data.0.id")})
	s.get("/v1/checkouts?campaign=autumn").is(200).has(fields{"data": "[]"})
	s.get(path + "/checkouts").is(200).has(fields{"data.0.id": got.at("data.0.id"), "next": ""})
	for _, name := range []string{"account_id", "coupon_id", "status", "from", "through"} {
		s.get("/v1/checkouts?"+name+"=x").refused(400, "malformed").has(fields{"errors.0.field": name})
	}
}

// TestSalesOfBoundKeys: a key that is bound to a store sees no other's sales.
func TestSalesOfBoundKeys(t *testing.T) {
	s, _ := openSold(t)
	s.addKey(domain.APIKey{Role: domain.RoleFinance, Stores: []string{"S1"}})
	for _, path := range []string{"/v1/checkouts", "/v1/reports/coupon-cost?by=store"} {
		ask := func(query string) answer {
			if strings.Contains(path, "?") {
				query = strings.Replace(query, "?", "&", 1)
			}
			return s.ask(domain.RoleFinance, "GET", path+query, "").send()
		}
		ask("").refused(403, "forbidden")
		ask("?store=S2").refused(403, "forbidden")
		ask(fmt.Sprint("?store=S1&max_wait=10s&min_position=", s.head())).is(200).
			has(fields{"data.0.store": "S1", "data.1": ""})
	}
}
