package upstream

import (
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/upstream/restraint"
)

// verdict is what the error of an attempt means for the next one.
type verdict struct {
	// again says that the same deployment may do better, elsewhere that another
	// one may.
	again, elsewhere bool
	// outcome is what it says of the deployment's health.
	outcome restraint.Outcome
	// crowded says that the provider had too much to do, account that it does
	// not accept the deployment's account.
	crowded, account bool
}

// Statuses of the providers' protocols that mean something here. They are told
// by Error.Status.
const (
	statusOK              = 200
	statusUnauthorized    = 401
	statusPaymentRequired = 402
	statusForbidden       = 403
	statusTimeout         = 408
	statusConflict        = 409
	statusTooEarly        = 425
	statusTooMany         = 429
	statusInternal        = 500
	statusNotImplemented  = 501
)

// lateCounts is how long an attempt must have been silent for its end by the
// call's deadline to be the provider's failure.
const lateCounts = 30 * time.Second

// judge says what the error of an attempt means that was silent for so long. A nil
// error is a success.
//
// A refusal for one call too many (429) is no failure of the provider, and no
// reason to leave it alone by itself: that is up to the pause it asks for, and to
// the number of slots.
func judge(err *fairlead.Error, silent time.Duration) verdict {
	failed := verdict{again: true, elsewhere: true, outcome: restraint.Failure}
	if err == nil {
		return verdict{outcome: restraint.Success}
	}
	switch err.Kind {
	case fairlead.Busy:
		return judgeBusy(err, failed)
	case fairlead.Upstream:
		return judgeUpstream(err, failed)
	case fairlead.Late:
		if silent >= lateCounts {
			return verdict{outcome: restraint.Failure}
		}
	case fairlead.Internal, fairlead.Invalid, fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound, fairlead.NotAllowed,
		fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported, fairlead.Limited, fairlead.Canceled, fairlead.Gone:
	}
	return verdict{}
}

func judgeBusy(err *fairlead.Error, v verdict) verdict {
	switch {
	case err.Status == 0 && err.Code == "memory_pressure": // here, where the next answer has no room either
		return verdict{}
	case err.Status == 0: // the way to it was full, which is not its fault
		v.outcome = restraint.Neutral
	case err.Status == statusTooMany:
		v.outcome, v.crowded = restraint.Neutral, true
	default:
		v.crowded = true
	}
	return v
}

func judgeUpstream(err *fairlead.Error, v verdict) verdict {
	other := verdict{elsewhere: true}
	switch status := err.Status; {
	case err.Code == "provider_address_refused":
		return other // it is set up wrongly
	case err.Code == "upstream_answer_too_long", err.Code == "upstream_answer_too_large":
		return verdict{}
	case status < statusOK+100: // no connection, a cut, or an answer that is none
		return v
	case status == statusUnauthorized, status == statusPaymentRequired, status == statusForbidden:
		other.account = true
		return other
	case status == statusTimeout:
		return v
	case status == statusConflict, status == statusTooEarly:
		v.outcome = restraint.Neutral
		return v
	case status < statusInternal, status == statusNotImplemented:
		return other
	}
	return v
}
