package api

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
)

// route is one method on one path: who may call it, and what answers.
type route struct {
	method string
	path   string // with {name} for what varies
	id     string // operationId in openapi.yaml
	roles  []domain.Role
	query  []string // the parameters it knows
	serve  handler

	public  bool // needs no key
	unbound bool // needs a key that is not bound to stores
	named   bool // its body names the account, and it keeps a customer to the own
	local   bool // exists over the Unix socket alone
	quiet   bool // not in the access log

	params   []string // the names in path
	label    string   // what logs and metrics call it: never a path that was asked for
	observed *observed
}

// Route is a route as the documentation and its tests see it.
type Route struct {
	Method, Path, ID string
	Roles            []domain.Role
	Query            []string
	Public           bool
}

// Routes are all routes but those of Config.Local, the busiest first.
func (s *Server) Routes() []Route { return routesOf(s.routes()) }

func routesOf(routes []*route) []Route {
	var all []Route
	for _, r := range routes {
		if !r.local {
			all = append(all, Route{r.method, r.path, r.id, r.roles, r.query, r.public})
		}
	}
	return all
}

// Who may call what. Admins may call everything.
var (
	tills    = []domain.Role{domain.RolePOS, domain.RoleAdmin}
	admins   = []domain.Role{domain.RoleAdmin}
	auditors = []domain.Role{domain.RoleFinance, domain.RoleAdmin}
	analysts = []domain.Role{domain.RoleAnalyst, domain.RoleAdmin}
	// readers read one account.
	readers = []domain.Role{domain.RolePOS, domain.RoleFinance, domain.RoleSupport,
		domain.RoleCustomer, domain.RoleAdmin}
	finders = slices.DeleteFunc(slices.Clone(readers), isCustomer)
	// watchers read events and what is derived from them.
	watchers = []domain.Role{domain.RoleAnalyst, domain.RoleFinance, domain.RoleAdmin}
	// posters may do an operation at least: each item of a bulk request asks for its own role.
	posters = slices.DeleteFunc(slices.Clone(domain.Roles), hasNoOperation)
	staff   = slices.DeleteFunc(slices.Clone(domain.Roles), isCustomer)
)

func isCustomer(r domain.Role) bool { return r == domain.RoleCustomer }

func hasNoOperation(r domain.Role) bool {
	for _, op := range bulkOperations {
		if slices.Contains(op.roles, r) {
			return false
		}
	}
	return true
}

// What parameters there are.
var (
	dry    = []string{"dry_run"}
	fresh  = []string{"min_position", "max_wait"}
	paged  = slices.Concat(fresh, []string{"limit", "cursor"})
	past   = slices.Concat(fresh, []string{"at", "axis"})
	byName = []string{"store", "terminal", "pos_txn_id", "leg"}
)

const account = "/v1/accounts/{id}"

// routes is everything that is served, the busiest first.
func (s *Server) routes() []*route {
	return slices.Concat(s.valueRoutes(), s.readingRoutes(), s.adminRoutes(), s.publicRoutes(),
		s.adjustmentRoutes(),
		s.campaignRoutes(),
		s.claimRoutes(),
		s.codeRoutes(),
		s.checkoutRoutes(),
		s.couponCostRoutes(),
		s.couponRoutes(),
		s.creditRoutes(),
		s.credentialRoutes(),
		s.jobRoutes(),
		s.customerRoutes(),
		s.dormantRoutes(),
		s.mandateRoutes(),
		s.interactionRoutes(),
		s.lookupRoutes(),
		s.pendingTopUpRoutes(),
		s.pointsRoutes(),
		s.programRoutes(),
		s.projectionRoutes(),
		s.posdayRoutes(),
		s.quoteRoutes(),
		s.receivableRoutes(),
		s.segmentRoutes(),
		s.tierRoutes(),
		s.transferRoutes(),
		s.voucherRoutes(),
		s.webhookRoutes(),
		s.withdrawalRoutes(),
	)
}

func (s *Server) valueRoutes() []*route {
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry,
			serve: write(op)}
	}
	return []*route{
		post(account+"/debits", "postDebit", debit),
		post(account+"/top-ups", "postTopUp", topUp),
		post(account+"/holds", "placeHold", placeHold),
		post(account+"/holds/{hold_id}/capture", "captureHold", captureHold),
		post(account+"/holds/{hold_id}/void", "voidHold", voidHold),
		post(account+"/debits/{debit_id}/refunds", "refundDebit", refund),
		post(account+"/top-ups/{top_up_id}/reverse", "reverseTopUp", reverseTopUp),
		post(account+"/operations/cancel", "cancelOperation", cancel),
		post(account+"/freeze", "freezeAccount", freeze),
		post(account+"/unfreeze", "unfreezeAccount", unfreeze),
		post("/v1/accounts", "openAccount", openAccount),
		{method: "POST", path: "/v1/bulk", id: "postBulk", roles: posters, query: dry, serve: bulk},
	}
}

func (s *Server) readingRoutes() []*route {
	get := func(path, id string, roles []domain.Role, query []string, serve handler) *route {
		return &route{method: "GET", path: path, id: id, roles: roles, query: query, serve: serve}
	}
	return []*route{
		get(account+"/balances", "getBalances", readers, past, getBalances),
		get(account, "getAccount", readers, fresh, getAccount),
		get(account+"/lots", "getLots", readers,
			slices.Concat(past, []string{"limit", "cursor", "state"}), getLots),
		get(account+"/history", "getHistory", readers, paged, getHistory),
		get(account+"/operations", "getAccountOperations", finders,
			slices.Concat(fresh, byName), accountOperations),
		get(account+"/holds", "listHolds", readers, fresh, listHolds),
		get(account+"/holds/{hold_id}", "getHold", readers, fresh, getHold),
		get(account+"/debits/{debit_id}", "getDebit", readers, fresh, getDebit),
		get(account+"/top-ups/{top_up_id}", "getTopUp", readers, fresh, getTopUp),
		get(account+"/refunds/{refund_id}", "getRefund", readers, fresh, getRefund),
		get("/v1/accounts", "listAccounts", finders,
			slices.Concat(paged, []string{"customer_ref", "prefix", "status", "tag", "tier"}),
			listAccounts),
		get("/v1/operations", "listOperations", finders,
			slices.Concat(paged, byName), listOperations),
		get("/v1/audit", "listAudit", auditors, slices.Concat(paged, []string{"account_id", "actor",
			"type", "store", "from", "to", "from_position"}), listAudit),
		get("/v1/events", "streamEvents", watchers,
			[]string{"type", "account_id", "store", "from_position"}, streamEvents),
	}
}

// adminRoutes are about the whole service. What a till looks up is not theirs alone.
func (s *Server) adminRoutes() []*route {
	routes := []*route{
		{method: "POST", path: "/v1/stores", id: "registerStore", roles: admins, query: dry,
			serve: setStore},
		{method: "PUT", path: "/v1/stores/{store_id}", id: "setStore", roles: admins, query: dry,
			serve: setStore},
		{method: "GET", path: "/v1/stores", id: "listStores", roles: staff, query: fresh,
			serve: listStores},
		{method: "GET", path: "/v1/stores/{store_id}", id: "getStore", roles: staff,
			query: fresh, serve: getStore},
		{method: "POST", path: "/v1/units", id: "registerUnit", roles: admins, query: dry,
			serve: registerUnit},
		{method: "GET", path: "/v1/units", id: "listUnits", roles: staff, serve: listUnits},
		{method: "GET", path: "/v1/units/{code}", id: "getUnit", roles: staff, serve: getUnit},
		{method: "POST", path: "/v1/keys", id: "createKey", roles: admins, query: dry,
			serve: createKey},
		{method: "GET", path: "/v1/keys", id: "listKeys", roles: admins, serve: listKeys},
		{method: "DELETE", path: "/v1/keys/{key_id}", id: "revokeKey", roles: admins, query: dry,
			serve: revokeKey},
		{method: "GET", path: "/v1/projections", id: "listProjections", roles: watchers,
			serve: listProjections},
		{method: "POST", path: "/v1/projections/{name}/rebuild", id: "rebuildProjection",
			roles: analysts, serve: rebuildProjection},
	}
	for _, r := range routes {
		r.unbound = r.id != "listStores" && r.id != "getStore" && r.id != "listUnits" && r.id != "getUnit"
	}
	return routes
}

func (s *Server) publicRoutes() []*route {
	get := func(path, id string, serve handler) *route {
		return &route{method: "GET", path: path, id: id, serve: serve, public: true, quiet: true}
	}
	routes := []*route{
		get("/livez", "livez", livez),
		get("/readyz", "readyz", readyz),
		get("/metrics", "metrics", metrics(s)),
		get("/version", "version", version),
		get("/openapi.yaml", "openapi", openAPI),
		get("/docs", "docs", docs),
		get("/docs/events", "docsEvents", docsEvents),
		get("/docs/tables", "docsTables", docsTables),
	}
	for name, serve := range s.Local {
		method, path, _ := strings.Cut(name, " ")
		routes = append(routes,
			&route{method: method, path: path, local: true, serve: onSocket(serve)})
	}
	return routes
}

var param = regexp.MustCompile(`\{([a-z_]+)\}`)

// register gives the routes to Fiber.
func (s *Server) register() error {
	for _, r := range s.routes() {
		if r.method == "" || !strings.HasPrefix(r.path, "/") {
			return fmt.Errorf("api: route %q: want a method and a path", r.method+" "+r.path)
		}
		for _, match := range param.FindAllStringSubmatch(r.path, -1) {
			r.params = append(r.params, match[1])
		}
		r.label = r.method + " " + r.path
		r.observed = s.Observed.of(r.label)
		s.app.Add(r.method, param.ReplaceAllString(r.path, ":$1"), s.handle(r))
		if r.public && r.method == http.MethodGet { // monitors ask so whether it is there
			s.app.Add(http.MethodHead, r.path, s.handle(r))
		}
	}
	return nil
}
