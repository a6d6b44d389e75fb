/**
 * The C part of the native device: memory, loading of libraries, and a persistent thread pool that runs the steps of a
 * program. Compiled once per machine like a kernel. Must not know what kernels compute.
 */

export const RUNTIME_SOURCE = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

typedef void (*kernel_t)(void *const *, long, long, char *);
// A step: kernel, position of its first buffer in the table, number of tasks, and whether it waits for all steps before
// it.
typedef struct { kernel_t kernel; int64_t first; int64_t tasks; int64_t waits; } step_t;

#define MAX_THREADS 256
#define SPINS 4000
static pthread_t threads[MAX_THREADS];
static char *scratches[MAX_THREADS];
static int64_t scratch_bytes = 0;
static int count = 1;
static const step_t *steps;
static int64_t step_count = 0;
static int sequential = 0;
static void *const *table;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
// Number of the current run; 0 between runs.
static _Atomic int64_t run_number = 0;
static int64_t last_run = 0;
static _Atomic int inside = 0;
// Steps run in phases: a step that waits, and the following steps that do not. claim holds the phase's first step + 1
// in its upper half and the next task in its lower half, so that a compare-and-swap of an old phase fails in a new one.
static _Atomic uint64_t claim = 0;
static _Atomic int64_t left = 0;

// Some schedulers, especially in virtual machines, leave two threads of a run on one core for milliseconds while
// another core is idle. So every thread records its core in place; a thread that finds another thread recorded on its
// own core moves that thread, which cannot be running now, to the unrecorded cores by its affinity mask. When the moved
// thread runs again, it restores its mask.
#ifdef __linux__
enum { ASLEEP = -1, MOVED = -2 };
static _Atomic int place[MAX_THREADS];
static _Atomic int moved[MAX_THREADS];
static cpu_set_t allowed;
static int cores = 0;

static void record_sleep(int id) { place[id] = ASLEEP; }
static void record_place(int id) {
  int at = sched_getcpu();
  if (place[id] != at) place[id] = at;
  if (!moved[id]) return;
  moved[id] = 0;
  sched_setaffinity(0, sizeof allowed, &allowed);
}
static void move_thread(int id) {
  cpu_set_t vacant = allowed;
  for (int i = 0; i < count; i++) if (place[i] >= 0) CPU_CLR(place[i], &vacant);
  if (CPU_COUNT(&vacant) == 0) return;
  place[id] = MOVED;
  moved[id] = 1;
  pthread_setaffinity_np(threads[id], sizeof vacant, &vacant);
}
// Called before taking a task and after a long wait: moves the other threads that are recorded on this thread's core.
static void spread(int id) {
  record_place(id);
  if (count > cores) return;
  for (int i = 0; i < count; i++) if (i != id && place[i] == place[id]) move_thread(i);
}
// The calling thread belongs to the pool during a run. Sleeping threads are moved, so that they wake up on other cores.
static void join_pool(void) {
  threads[0] = pthread_self();
  cores = sched_getaffinity(0, sizeof allowed, &allowed) ? 0 : CPU_COUNT(&allowed);
  spread(0);
  for (int i = 1; i < count && count <= cores; i++) if (place[i] == ASLEEP) move_thread(i);
}
static void leave_pool(void) {
  record_place(0);
  record_sleep(0);
}
#else
static void record_sleep(int id) {}
static void record_place(int id) {}
static void spread(int id) {}
static void join_pool(void) {}
static void leave_pool(void) {}
#endif

// Returns the step after the phase that begins with first; tasks receives the number of tasks of the phase.
static int64_t phase_end(int64_t first, int64_t *tasks) {
  int64_t end = first;
  *tasks = 0;
  do *tasks += steps[end++].tasks;
  while (end < step_count && !steps[end].waits && !sequential);
  return end;
}

static void work(int64_t first, int id) {
  const step_t *s = &steps[first];
  int64_t tasks, before = 0;
  phase_end(first, &tasks);
  for (;;) {
    spread(id);
    uint64_t c = atomic_load_explicit(&claim, memory_order_acquire);
    int64_t task = (int64_t)(c & 0xffffffffu);
    if ((int64_t)(c >> 32) != first + 1 || task >= tasks) return;
    if (!atomic_compare_exchange_weak(&claim, &c, c + 1)) continue;
    for (; task - before >= s->tasks; s++) before += s->tasks;
    s->kernel(table + s->first, task - before, task - before + 1, scratches[id]);
    atomic_fetch_sub_explicit(&left, 1, memory_order_release);
  }
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

// After a run, a worker spins for AWAKE_MS, because the next step of a training follows soon; it yields its core to
// other processes.
#define AWAKE_MS 2.0
static void spin_idle(int id, int64_t seen) {
  double end = now_ms() + AWAKE_MS;
  do {
    for (int i = 0; i < 256; i++) {
      int64_t run = atomic_load_explicit(&run_number, memory_order_acquire);
      if (run != 0 && run != seen) return;
      PAUSE();
    }
    sched_yield();
    record_place(id);
  } while (now_ms() < end);
}

static void *worker(void *argument) {
  int id = (int)(long)argument;
  int64_t seen = 0;
  for (;;) {
    if (seen != 0) spin_idle(id, seen);
    pthread_mutex_lock(&lock);
    while (run_number == 0 || run_number == seen) {
      record_sleep(id);
      pthread_cond_wait(&wake, &lock);
      record_place(id);
    }
    seen = run_number;
    inside++;
    pthread_mutex_unlock(&lock);
    uint64_t done = 0;
    for (int spins = 0; atomic_load_explicit(&run_number, memory_order_acquire) == seen;) {
      uint64_t phase = atomic_load_explicit(&claim, memory_order_acquire) >> 32;
      if (phase != done && phase != 0) {
        work((int64_t)phase - 1, id);
        done = phase;
        spins = 0;
      } else if (++spins < SPINS) PAUSE();
      else sched_yield();
    }
    inside--;
  }
  return 0;
}

// Starts the pool, in which the caller is thread 0. Returns the number of threads.
int fovea_start(int wanted) {
  if (wanted < 1) wanted = 1;
  if (wanted > MAX_THREADS) wanted = MAX_THREADS;
  count = 1;
  for (int i = 0; i < wanted; i++) record_sleep(i);
  for (long i = 1; i < wanted; i++) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&threads[i], &attributes, worker, (void *)i);
    pthread_attr_destroy(&attributes);
    if (failed) break;
    count++;
  }
  return count;
}

// Large blocks use huge pages if the system has them: packing reads many rows at once, each on another page (TLB
// misses).
uint64_t fovea_alloc(uint64_t bytes) {
  const uint64_t huge = 2u << 20;
  void *p = 0;
  int large = bytes >= huge / 2;
  uint64_t size = large ? (bytes + huge - 1) / huge * huge : bytes < 128 ? 128 : bytes;
  if (posix_memalign(&p, large ? huge : 128, size)) return 0;
#ifdef MADV_HUGEPAGE
  if (large) madvise(p, size, MADV_HUGEPAGE);
#endif
  return (uint64_t)(uintptr_t)p;
}
void fovea_free(uint64_t address) { free((void *)(uintptr_t)address); }
void fovea_write(uint64_t to, const void *from, uint64_t bytes) { memcpy((void *)(uintptr_t)to, from, bytes); }
void fovea_read(void *to, uint64_t from, uint64_t bytes) { memcpy(to, (const void *)(uintptr_t)from, bytes); }

// Returns the address of a function in a library, or 0 and the error in message.
uint64_t fovea_open(const char *path, const char *name, char *message, int length) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, name) : 0;
  if (!symbol) snprintf(message, (size_t)length, "%s", dlerror());
  return (uint64_t)(uintptr_t)symbol;
}

// Enlarges the scratch memory of every thread to at least bytes. Returns 1 if memory is exhausted.
int fovea_scratch(int64_t bytes) {
  if (bytes <= scratch_bytes) return 0;
  for (int i = 0; i < count; i++) {
    uint64_t memory = fovea_alloc((uint64_t)bytes);
    if (!memory) return 1;
    free(scratches[i]);
    scratches[i] = (char *)(uintptr_t)memory;
  }
  scratch_bytes = bytes;
  return 0;
}

// Runs steps [first, end) on the calling thread. A step of an empty tensor has no tasks.
static void run_alone(int64_t first, int64_t end) {
  for (const step_t *s = &steps[first]; s < &steps[end]; s++) s->kernel(table + s->first, 0, s->tasks, scratches[0]);
}

// Runs the phase that begins with step first on all threads. Returns the step after the phase.
static int64_t run_phase(int64_t first) {
  int64_t tasks, end = phase_end(first, &tasks);
  if (tasks <= 1) {
    run_alone(first, end);
    return end;
  }
  atomic_store(&left, tasks);
  atomic_store_explicit(&claim, (uint64_t)(first + 1) << 32, memory_order_release);
  work(first, 0);
  for (int spins = 0; atomic_load_explicit(&left, memory_order_acquire) > 0;) {
    if (++spins < SPINS) PAUSE();
    else {
      spread(0);
      sched_yield();
    }
  }
  return end;
}

// Runs n steps; steps that do not wait run concurrently with those before them. If times is given, it receives the
// milliseconds of each step, and every step waits.
int fovea_run(const void *step_data, const void *table_data, int64_t n, double *times) {
  steps = (const step_t *)step_data;
  table = (void *const *)table_data;
  step_count = n;
  sequential = times != 0;
  int shared = 0;
  if (count > 1) for (int64_t i = 0; i < n && !shared; i++) shared = steps[i].tasks > 1;
  atomic_store(&claim, 0);
  if (shared) {
    pthread_mutex_lock(&lock);
    join_pool();
    atomic_store(&run_number, ++last_run);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
  }
  for (int64_t i = 0, end; i < n; i = end) {
    double start = times ? now_ms() : 0;
    end = shared ? run_phase(i) : i + 1;
    if (!shared) run_alone(i, end);
    if (times) times[i] = now_ms() - start;
  }
  if (shared) {
    pthread_mutex_lock(&lock);
    atomic_store(&run_number, 0);
    pthread_mutex_unlock(&lock);
    while (atomic_load(&inside) > 0) sched_yield();
    leave_pool();
  }
  return 0;
}
`;
