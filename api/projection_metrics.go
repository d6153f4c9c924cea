package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tillbook/tillbook/projections/js"
)

// OnProjectionFault is js.ManagerOptions.OnFault.
func (m *Metrics) OnProjectionFault(name string) { m.faults.WithLabelValues(name).Inc() }

// ProjectionLag shows how many positions each live projection is behind the log, and how many events it
// handles; both are asked at each scrape.
func (m *Metrics) ProjectionLag(live *js.Manager) { m.registry.MustRegister(&lags{live}) }

// lags are the metrics of the projections that there are when they are asked.
type lags struct{ live *js.Manager }

var (
	projectionLag = prometheus.NewDesc("tillbook_projection_lag_positions",
		"Positions a live projection is behind.", []string{"projection"}, nil)
	projectionEvents = prometheus.NewDesc("tillbook_projection_events_total",
		"Events that a live projection has handled since it began.", []string{"projection"}, nil)
)

// Describe is prometheus.Collector's.
func (*lags) Describe(to chan<- *prometheus.Desc) { to <- projectionLag; to <- projectionEvents }

// Collect is prometheus.Collector's.
func (l *lags) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	all, err := l.live.List(ctx)
	if err != nil {
		return // it shows at another scrape
	}
	for _, s := range all {
		to <- prometheus.MustNewConstMetric(projectionLag, prometheus.GaugeValue, float64(s.Answers.Lag), s.Name)
		to <- prometheus.MustNewConstMetric(projectionEvents, prometheus.CounterValue, float64(s.Answers.Events),
			s.Name)
	}
}
