package admission

// Resize sets how many slots the pool of a provider has for now: at least 1, at
// most what is configured. It does nothing to a pool without a limit, or whose
// limit is in shadow, or that does not exist. Work that runs goes on.
func (c *Controller) Resize(name string, slots int) {
	p, ok := c.pools[name]
	if !ok || p.slots <= 0 || c.shadow.has(LimitProviderSlots) {
		return
	}
	p.Resize(min(max(slots, 1), p.slots))
}
