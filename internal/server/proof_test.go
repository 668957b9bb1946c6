package server

import (
	"fmt"
	"os"
)

// proof reports whether the full counts are asked for, and with them figures of
// time, which only a machine that does nothing else can hold.
func proof() bool { return os.Getenv("FAIRLEAD_PROOF") != "" }

// chatBody is the body of a chat call.
func chatBody(model string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hello"}]}`, model)
}

// chatRequest is a chat call as it goes over the wire.
func chatRequest(key, model string) []byte {
	body := chatBody(model)
	return fmt.Appendf(nil, "POST /chat/completion HTTP/1.1\r\nHost: fairlead\r\nX-API-Key: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", key, len(body), body)
}
