package watcher

import (
	"path"
	"runtime"
	"sync"
	"time"
)

// recalls is how the first walk finds out which files are what they were when
// an earlier watcher read them: the loop walks on while others compare.
type recalls struct {
	cache cache
	jobs  chan *recallJob
	all   []*recallJob // owned by the loop
	done  sync.WaitGroup
}

// recallJob is the files that the walk met in one directory.
type recallJob struct {
	dir     *dir
	records []byte
	paths   []string
	files   []*file // those that are what they were; nil for the others
}

// beginRecalls reads Options.Cache; nil when there is nothing to recall.
func beginRecalls(o Options, reader Reader, s *silence) *recalls {
	c := loadCache(o)
	r, can := reader.(Recaller)
	if len(c) == 0 || !can {
		return nil
	}
	rs := &recalls{cache: c, jobs: make(chan *recallJob, 64)}
	for i := range min(max(1, runtime.GOMAXPROCS(0)-1), maxReaders) {
		rs.done.Go(func() {
			defer s.done(1 + i)
			at := make(map[string]int)
			for job := range rs.jobs {
				s.step(1+i, &job.dir.path)
				job.run(r, at)
			}
		})
	}
	return rs
}

// recall takes over the files among the entries of a directory that an earlier
// watcher knew, and returns the other entries.
func (w *Watcher) recall(d *dir, entries []entry) (rest []entry) {
	records := w.recalls.cache[d.path]
	if len(records) == 0 || d.cover == byLooks {
		return entries
	}
	job := &recallJob{dir: d, records: records, paths: make([]string, 0, len(entries))}
	for _, e := range entries {
		if p := join(d.path, e.name); e.mode.IsRegular() && w.rules.file(d.mode, p) {
			w.firstByName(d, p)
			job.paths = append(job.paths, p)
		} else {
			rest = append(rest, e)
		}
	}
	w.recalls.all = append(w.recalls.all, job)
	w.recalls.jobs <- job
	return rest
}

// run looks at the files of a job. at is room to work in.
func (j *recallJob) run(reader Recaller, at map[string]int) {
	j.files = make([]*file, len(j.paths))
	open, err := openDirectory(j.dir.abs)
	if err != nil {
		return
	}
	defer open.close()
	clear(at)
	for i, p := range j.paths {
		at[path.Base(p)] = i
	}
	for name, k := range keptIn(j.records) {
		i, there := at[string(name)]
		if !there {
			continue
		}
		now := time.Now()
		s, err := open.lstat(path.Base(j.paths[i]))
		if err == nil && s == k.sig && reader.Recall(j.paths[i], k.hash) {
			j.files[i] = &file{sig: s, read: now, seen: k.hash}
		}
	}
}

// endRecalls takes in what is as it was; the other files are looked at as any.
func (w *Watcher) endRecalls(now time.Time) {
	if w.recalls == nil {
		return
	}
	close(w.recalls.jobs)
	w.recalls.done.Wait()
	n := 0 // making room for all at once is a tenth of the time of the walk
	for _, job := range w.recalls.all {
		n += len(job.paths)
	}
	w.files, w.pending = make(map[string]*file, n), make(map[string]uint64, n)
	for _, job := range w.recalls.all {
		d := job.dir
		there := w.dirs[d.path] == d
		if there && len(d.files) == 0 {
			d.files = make(map[string]*file, len(job.paths))
		}
		for i, p := range job.paths {
			if f := job.files[i]; f == nil || !there {
				w.markNow(p, now)
			} else {
				w.files[p], d.files[path.Base(p)] = f, f
				w.pending[p] = w.clock
			}
		}
	}
	w.recalls = nil
}
