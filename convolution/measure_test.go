package convolution

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fovea/inference"
)

// A copy that takes longer is refused, with both times; one that takes as long or less is not.
func TestSlowerIsRefused(t *testing.T) {
	tried := &trial{from: &rewriter{model: &inference.Model{Name: "slow"}}}
	err := tried.measure(nil, 2, pace{direct: time.Second, faster: 2 * time.Second})
	if !errors.Is(err, ErrSlower) || !strings.Contains(err.Error(), "slow: 1s of processor time for 2 images, 2s") {
		t.Errorf("the error is %v", err)
	}
	if err := tried.measure(nil, 2, pace{direct: 2 * time.Second, faster: time.Second}); err != nil {
		t.Errorf("a faster copy: %v", err)
	}
}

// Times that are close need more turns, of which there is an end.
func TestCloseTimesAreMeasuredAgain(t *testing.T) {
	near := pace{direct: 100, faster: 110}
	if near.settled(enoughTurns-1) || !near.settled(enoughTurns) || (pace{direct: 100, faster: 104}).settled(mostTurns-1) || !(pace{direct: 100, faster: 104}).settled(mostTurns) || !(pace{direct: 100, faster: 130}).settled(1) {
		t.Error("4 % apart needs all turns, 10 % some, 30 % none")
	}
	if got := near.least(pace{direct: 120, faster: 90}); got != (pace{direct: 100, faster: 90}) {
		t.Errorf("the least is %v", got)
	}
	if (pace{direct: unmeasured, faster: unmeasured}).settled(1) {
		t.Error("what was not measured is settled")
	}
}
