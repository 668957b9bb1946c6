package telemetry

import (
	"log/slog"
	"net/http"
	"time"
)

// HTTPLog is a handler that writes a line for every request that next has
// answered. route names the route of a request, "" for none: what else stands in a
// path is its caller's word, and is not logged.
func HTTPLog(next http.Handler, logger *slog.Logger, route func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		watched := &watchedAnswer{ResponseWriter: w}
		ctx := r.Context()
		defer func() { // a handler that cuts its answer off panics
			logger.LogAttrs(ctx, slog.LevelInfo, "http",
				slog.String("method", methodName(r.Method)), slog.String("route", route(r)), slog.String("proto", r.Proto),
				slog.Int("status", watched.status), slog.Int64("bytes_out", watched.bytes),
				slog.Float64("duration_ms", milliseconds(time.Since(began))), slog.String("remote", r.RemoteAddr),
				slog.String("request_id", w.Header().Get("X-Request-Id")))
		}()
		next.ServeHTTP(watched, r)
	})
}

// methodName is a method as it may stand in the log.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return other
}

// watchedAnswer sees how an answer went. A status of 0 says that there was none.
type watchedAnswer struct {
	http.ResponseWriter

	status int
	bytes  int64
}

// Unwrap is for http.ResponseController.
func (w *watchedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *watchedAnswer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *watchedAnswer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
