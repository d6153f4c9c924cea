package api

import (
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what the service counts and times. Its methods fit the options of the ledger, the
// store and the read models, and may be called at once.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	took       *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	appends    prometheus.Counter
	events     prometheus.Counter
	commands   prometheus.Histogram
	appendTook prometheus.Histogram
	commits    prometheus.Histogram
	bytes      prometheus.Counter
	commitTook prometheus.Histogram
	damaged    prometheus.Counter
	deliveries *prometheus.CounterVec
	faults     *prometheus.CounterVec
}

// NewMetrics registers the service's metrics.
func NewMetrics(registry *prometheus.Registry) *Metrics {
	m := &Metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tillbook_requests_total", Help: "Requests answered.",
		}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tillbook_request_seconds", Help: "Time to answer a request.", Buckets: seconds,
		}, []string{"route"}),
		inFlight:   gauge("tillbook_requests_in_flight", "Requests being answered."),
		appends:    counter("tillbook_appends_total", "Rounds appended to an account's stream."),
		events:     counter("tillbook_events_total", "Events appended by rounds."),
		commands:   histogram("tillbook_append_events", "Events of one append.", sizes),
		appendTook: histogram("tillbook_append_seconds", "Time of one append.", seconds),
		commits:    histogram("tillbook_commit_appends", "Appends of one synced commit.", sizes),
		bytes:      counter("tillbook_commit_bytes_total", "Bytes of records committed."),
		commitTook: histogram("tillbook_commit_seconds", "Time of one synced commit.", seconds),
		damaged:    counter("tillbook_damaged_total", "Reads that found a damaged stream."),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tillbook_webhook_deliveries_total", Help: "Attempts to deliver an event.",
		}, []string{"outcome"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tillbook_projection_faults_total", Help: "Faults that stopped a live projection.",
		}, []string{"projection"}),
	}
	registry.MustRegister(m.requests, m.took, m.inFlight, m.appends, m.events, m.commands,
		m.appendTook, m.commits, m.bytes, m.commitTook, m.damaged,
		m.deliveries, m.faults)
	return m
}

var (
	seconds = prometheus.ExponentialBuckets(0.000_1, 2, 18) // 0.1 ms to 13 s
	sizes   = prometheus.ExponentialBuckets(1, 2, 10)       // 1 to 512
)

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	opts := prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
	return prometheus.NewHistogram(opts)
}

// observed are one route's own metrics, looked up once.
type observed struct {
	metrics *Metrics
	route   string // a template, never a path
	took    prometheus.Observer
	byCode  [600]atomic.Pointer[prometheus.Counter] // by status, nil until it is answered
}

func (m *Metrics) of(route string) *observed {
	return &observed{metrics: m, route: route, took: m.took.WithLabelValues(route)}
}

// add counts one request.
func (o *observed) add(status int, took time.Duration) {
	o.took.Observe(took.Seconds())
	count := o.byCode[status].Load()
	if count == nil {
		c := o.metrics.requests.WithLabelValues(o.route, strconv.Itoa(status))
		count = &c
		o.byCode[status].Store(count)
	}
	(*count).Inc()
}

// OnRound is ledger.Options.OnRound.
func (m *Metrics) OnRound(_, events, _ int, took time.Duration) {
	m.appends.Inc()
	m.events.Add(float64(events))
	m.commands.Observe(float64(events))
	m.appendTook.Observe(took.Seconds())
}

// OnDamaged is ledger.Options.OnDamaged, and counts foreign events that read models pass over.
func (m *Metrics) OnDamaged(string) { m.damaged.Inc() }

// OnCommit is the store's Options.OnCommit.
func (m *Metrics) OnCommit(appends, _, bytes int, took time.Duration) {
	m.commits.Observe(float64(appends))
	m.bytes.Add(float64(bytes))
	m.commitTook.Observe(took.Seconds())
}

// OnDelivery is webhooks.Options.OnDelivery.
func (m *Metrics) OnDelivery(outcome string) { m.deliveries.WithLabelValues(outcome).Inc() }

// WebhookLag shows how many positions the slowest webhook is behind the log; it is asked at each scrape.
func (m *Metrics) WebhookLag(positions func() float64) {
	m.gaugeOf("tillbook_webhook_lag_positions", "Positions the slowest webhook is behind.", positions)
}

// FollowerLag shows how many positions the read models are behind the log; it is asked at each scrape.
// The embedded log counts events by positions, an EventStoreDB bytes.
func (m *Metrics) FollowerLag(positions func() float64) {
	m.gaugeOf("tillbook_follower_lag_positions", "Positions read models are behind.", positions)
}

// QueueDepth shows how many commands wait in the ledger.
func (m *Metrics) QueueDepth(waiting func() int) {
	m.gaugeOf("tillbook_queue_depth", "Commands that wait or are being decided.",
		func() float64 { return float64(waiting()) })
}

func (m *Metrics) gaugeOf(name, help string, value func() float64) {
	err := m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	if twice := (prometheus.AlreadyRegisteredError{}); err != nil && !errors.As(err, &twice) {
		panic(err) // the name is a constant
	}
}
