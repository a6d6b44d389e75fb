// The arithmetic peak that the benchmarks compare with: independent fused multiply-adds on registers only, on every
// thread at once. It touches no memory, so nothing that loads operands can exceed it.
//   cc -O2 -march=native -pthread peak.c -o peak && ./peak 2 100      (threads, milliseconds)  ->  GFLOP/s
// VL is the number of floats in a vector: the machine's widest unless -DVL says otherwise.
#define _GNU_SOURCE
#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef VL
#if defined(__AVX512F__)
#define VL 16
#elif defined(__AVX__)
#define VL 8
#else
#define VL 4
#endif
#endif

// Twelve chains hide a latency of up to six cycles on two units and leave registers for both factors of 16.
enum { CHAINS = 12, TURNS = 5, MAX_THREADS = 1024 };
// An empty instruction that names a register: the compiler may neither drop, merge nor split what is in it.
#if defined(__aarch64__)
#define KEEP(v) __asm__ volatile("" : "+w"(v))
#else
#define KEEP(v) __asm__ volatile("" : "+x"(v))
#endif
typedef float vec __attribute__((vector_size(VL * 4)));

static long rounds;
static pthread_barrier_t start;
// What each worker measured by itself: the main thread may well wake up when they are long under way.
static struct {
  double begin, end;
  float sum;
} results[MAX_THREADS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static float chains(long count) {
  const vec b = (vec){0} + 0.9999999f, c = (vec){0} + 1e-3f;
  // Twelve variables, not an array: GCC 12 leaves an array in memory, and the loop then measures stores.
  vec a0 = c, a1 = c, a2 = c, a3 = c, a4 = c, a5 = c, a6 = c, a7 = c, a8 = c, a9 = c, a10 = c, a11 = c;
#define FMA(a) \
  a = a * b + c; \
  KEEP(a)
  for (long k = 0; k < count; k++) {
    FMA(a0); FMA(a1); FMA(a2); FMA(a3); FMA(a4); FMA(a5); FMA(a6); FMA(a7); FMA(a8); FMA(a9); FMA(a10); FMA(a11);
  }
  return (a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11)[0];
}

static void *worker(void *index) {
  size_t i = (size_t)index;
  pthread_barrier_wait(&start);
  results[i].begin = now();
  results[i].sum = chains(rounds);
  results[i].end = now();
  return NULL;
}

// Each thread on a core of its own, where there are enough: some schedulers leave two on one core while another is idle.
static void place(pthread_t thread, int index, int threads) {
#ifdef __linux__
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) || CPU_COUNT(&allowed) < threads) return;
  int core = -1;
  for (int left = index + 1; left > 0; left--) while (!CPU_ISSET(++core, &allowed)) {}
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  pthread_setaffinity_np(thread, sizeof one, &one);
#endif
}

// From the first worker's begin to the last one's end.
static double seconds(int threads) {
  pthread_t ids[MAX_THREADS];
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  for (int i = 0; i < threads; i++) {
    pthread_create(&ids[i], NULL, worker, (void *)(size_t)i);
    place(ids[i], i, threads);
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  pthread_barrier_destroy(&start);
  double begin = results[0].begin, end = results[0].end;
  for (int i = 1; i < threads; i++) {
    if (results[i].begin < begin) begin = results[i].begin;
    if (results[i].end > end) end = results[i].end;
  }
  return end - begin;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  double turn = (argc > 2 ? atof(argv[2]) : 100) / 1e3 / TURNS, best = 0;
  if (threads < 1 || threads > MAX_THREADS) return 2;
  for (rounds = 100000; seconds(threads) < turn / 2;) rounds *= 2;
  for (int r = 0; r < TURNS; r++) {
    double gflops = 2.0 * VL * CHAINS * (double)rounds * threads / seconds(threads) / 1e9;
    if (gflops > best) best = gflops;
  }
  printf("%.3f %d\n", best, VL);
  return 0;
}
