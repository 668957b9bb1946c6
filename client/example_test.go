package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/fairleadhq/fairlead/client"
)

// service stands in for a Fairlead in the examples.
func service(contentType, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}))
}

func ExampleClient_Chat() {
	server := service("application/json", wholeAnswer)
	defer server.Close()

	c := client.New(server.URL, "your app key")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	answer, err := c.Chat(ctx, client.ChatRequest{
		Messages: []client.Message{client.System("Be brief."), client.User("Good morning")},
	})
	var refusal *client.APIError
	switch {
	case errors.As(err, &refusal):
		fmt.Println("refused:", refusal.Code, refusal.RetryAfter)
	case err != nil:
		fmt.Println("failed:", err)
	default:
		fmt.Println(answer.Content)
	}
	// Output: Good morning.
}

func ExampleClient_Stream() {
	server := service("text/event-stream", wholeStream)
	defer server.Close()

	c := client.New(server.URL, "your app key")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	request := client.ChatRequest{Messages: []client.Message{client.User("Good morning")}}
	err := c.Stream(ctx, request, func(d client.Delta) error {
		fmt.Print(d.Content)
		return nil
	})
	if err != nil {
		fmt.Println("\nnot the whole answer:", err)
	}
	// Output: Good morning
}
