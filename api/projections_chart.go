package api

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/chart"
	"github.com/tillbook/tillbook/projections/js"
)

// mostDrawn bounds the partitions of a picture: while they are read the projection waits.
const mostDrawn = 5_000

// getProjectionChart answers the results of all partitions as a picture.
func getProjectionChart(c *call) error {
	o := chart.Options{Kind: chart.Kind(c.Query("kind")), X: c.Query("x"), By: c.Query("by")}
	if y := c.Query("y"); y != "" {
		o.Y = strings.Split(y, ",")
	}
	live, err := c.reached()
	if err != nil {
		return err
	}
	name := c.Params("name")
	s, err := live.Status(context.Background(), name)
	if err != nil {
		return err
	}
	o.Title = chart.Title(name, s.Current.Query)
	results, at, err := live.Results(context.Background(), name, mostDrawn)
	if err != nil {
		return undrawn(err)
	}
	var picture bytes.Buffer
	if err := chart.SVG(&picture, results, o); err != nil {
		return undrawn(err)
	}
	c.at(at)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	c.Response().Header.SetContentType("image/svg+xml")
	c.Response().SetBodyRaw(picture.Bytes())
	return nil
}

// undrawn says why there is no picture.
func undrawn(err error) error {
	switch {
	case errors.Is(err, chart.ErrKind):
		return domain.ErrMalformed.Field("kind", "is line or bar")
	case errors.Is(err, chart.ErrNothing):
		return domain.ErrNotFound.Because(err.Error())
	case errors.Is(err, chart.ErrTooMuch), errors.Is(err, js.ErrManyPartitions):
		return domain.ErrLimitExceeded.Because(err.Error())
	}
	return faulted(err)
}
