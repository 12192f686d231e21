// SPDX-License-Identifier: Apache-2.0

// The peer of the full bundle in `make bench`: one route that answers a fixed body behind the chain that a Go team puts
// before it: gin with its access log, a JWT (HS256, golang-jwt), a token bucket for each user (x/time/rate), a circuit
// breaker for the route, OpenTelemetry's SDK with a parent-based ratio of 1 %, and Prometheus' counters and histograms.
// peer_chain PORT SECRET
package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

const body = `{"id":42,"name":"user-42","email":"user-42@example.com","status":"active"}`

// What a collector would take.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                        { return nil }

func tracing(provider trace.TracerProvider) gin.HandlerFunc {
	tracer := provider.Tracer("peer")
	propagator := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	return func(c *gin.Context) {
		parent := propagator.Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header))
		ctx, span := tracer.Start(parent, c.Request.Method+" "+c.FullPath(), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", c.Request.Method),
				attribute.String("url.path", c.Request.URL.Path), attribute.String("http.route", c.FullPath()),
				attribute.String("client.address", c.ClientIP())))
		defer span.End()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
		status := c.Writer.Status()
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, "")
		}
	}
}

func metrics() gin.HandlerFunc {
	labels := []string{"method", "route", "status"}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_server_requests_total"}, labels)
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_server_request_duration_seconds"}, labels)
	prometheus.MustRegister(requests, durations)
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		values := []string{c.Request.Method, c.FullPath(), strconv.Itoa(c.Writer.Status())}
		requests.WithLabelValues(values...).Inc()
		durations.WithLabelValues(values...).Observe(time.Since(began).Seconds())
	}
}

// Opens after ten failures in a row, for a minute.
type breaker struct {
	mutex    sync.Mutex
	failures int
	until    time.Time
}

func (b *breaker) admits() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.failures < 10 || time.Now().After(b.until)
}

func (b *breaker) report(failed bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !failed {
		b.failures = 0
	} else if b.failures++; b.failures >= 10 {
		b.until = time.Now().Add(time.Minute)
	}
}

func breaking() gin.HandlerFunc {
	var mutex sync.Mutex
	routes := map[string]*breaker{}
	return func(c *gin.Context) {
		mutex.Lock()
		of := routes[c.FullPath()]
		if of == nil {
			of = &breaker{}
			routes[c.FullPath()] = of
		}
		mutex.Unlock()
		if !of.admits() {
			c.AbortWithStatus(http.StatusServiceUnavailable)
			return
		}
		c.Next()
		of.report(c.Writer.Status() >= 500)
	}
}

func authenticating(secret []byte) gin.HandlerFunc {
	parser := jwt.Parser{ValidMethods: []string{"HS256"}}
	return func(c *gin.Context) {
		header := c.GetHeader("Authorization")
		found := strings.HasPrefix(header, "Bearer ")
		text := strings.TrimPrefix(header, "Bearer ")
		claims := jwt.StandardClaims{}
		_, err := parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return secret, nil })
		if !found || err != nil || claims.Subject == "" {
			c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"message": "the token is not accepted"})
			return
		}
		c.Set("user", claims.Subject)
		c.Next()
	}
}

func limiting() gin.HandlerFunc {
	var mutex sync.Mutex
	users := map[string]*rate.Limiter{}
	return func(c *gin.Context) {
		mutex.Lock()
		of := users[c.GetString("user")]
		if of == nil {
			of = rate.NewLimiter(1_000_000, 1_000_000)
			users[c.GetString("user")] = of
		}
		mutex.Unlock()
		if !of.Allow() {
			c.AbortWithStatus(http.StatusTooManyRequests)
			return
		}
		c.Next()
	}
}

func main() {
	if len(os.Args) != 3 {
		panic(errors.New("usage: peer_chain PORT SECRET"))
	}
	gin.SetMode(gin.ReleaseMode)
	provider := sdk.NewTracerProvider(sdk.WithBatcher(discard{}), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(0.01))))
	router := gin.New()
	router.GET("/metrics", gin.WrapH(promhttp.Handler()))
	router.GET("/ready", func(c *gin.Context) { c.Status(http.StatusOK) })
	chain := router.Group("/", gin.Logger(), gin.Recovery(), tracing(provider), metrics(), breaking(),
		authenticating([]byte(os.Args[2])), limiting())
	chain.GET("/", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", []byte(body)) })
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], router))
}
