package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Range resolves what a person writes to name a comparison: "A..B" is what
// became of A in B, "A...B" what became in B of the commit that A and B have
// in common last, and "A" what became of A in the work tree, for which to is
// "". A side that is left out is HEAD. The commits are returned by id.
func Range(ctx context.Context, dir, text string) (from, to string, err error) {
	fail := func(err error) (string, string, error) {
		return "", "", fmt.Errorf("cannot compare %q: %w", text, err)
	}
	if text == "" {
		return fail(errors.New("no revision is named; write A..B, or A for the work tree"))
	}
	a, b, between := strings.Cut(text, "..")
	b, common := strings.CutPrefix(b, ".")
	if strings.Contains(b, "..") {
		return fail(errors.New("it names more than two revisions; write A..B, or A for the work tree"))
	}
	if from, err = commit(ctx, dir, a); err != nil {
		return fail(err)
	}
	if !between {
		return from, "", nil
	}
	if to, err = commit(ctx, dir, b); err != nil {
		return fail(err)
	}
	if common {
		out, err := run(ctx, dir, "merge-base", from, to)
		if err != nil {
			return fail(fmt.Errorf("they have no commit in common%s", shallow(ctx, dir)))
		}
		from = strings.TrimSpace(string(out))
	}
	return from, to, nil
}

// commit returns the id of the commit that rev names; "" names HEAD.
func commit(ctx context.Context, dir, rev string) (string, error) {
	if rev == "" {
		rev = "HEAD"
	}
	if _, err := prefixOf(ctx, dir); err != nil {
		return "", err
	}
	out, err := run(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("%q is no commit here%s", rev, shallow(ctx, dir))
	}
	return strings.TrimSpace(string(out)), nil
}

// shallow says that the history ends early, as it does in most checkouts of
// build servers; "" when it does not.
func shallow(ctx context.Context, dir string) string {
	out, err := run(ctx, dir, "rev-parse", "--is-shallow-repository")
	if err != nil || strings.TrimSpace(string(out)) != "true" {
		return ""
	}
	return ": the clone is shallow; fetch more of it, as with git fetch --unshallow"
}
