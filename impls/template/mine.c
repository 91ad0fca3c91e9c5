/* The forward training pass of batch norm, f32, ncl, on one thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "normbench.h"

/* For one problem and its buffers: harness/core/arguments.h of normbench says which there are, in
   which shape. */
struct kernel {
  const struct normbench_problem* problem;
  const float *x, *gamma, *beta; /* gamma and beta are NULL where the problem has none */
  float *y, *mean, *variance, *rstd, *running_mean, *running_var;
};

/* One channel of the mini-batch that begins at sample `first`; `at` numbers its statistics. */
static void normalize(const struct kernel* k, int64_t first, int64_t channel, int64_t at) {
  const struct normbench_problem* p = k->problem;
  const double count = (double)(p->batch * p->l), m = p->momentum;
  double mean = 0, variance = 0;
  for (int64_t i = first; i < first + p->batch; ++i) {
    const float* x = k->x + (i * p->c + channel) * p->l;
    for (int64_t j = 0; j < p->l; ++j) mean += x[j];
  }
  mean /= count;
  for (int64_t i = first; i < first + p->batch; ++i) {
    const float* x = k->x + (i * p->c + channel) * p->l;
    for (int64_t j = 0; j < p->l; ++j) variance += (x[j] - mean) * (x[j] - mean);
  }
  variance /= count;
  const double rstd = 1 / sqrt(variance + p->eps);
  const double gamma = k->gamma == NULL ? 1 : k->gamma[channel];
  const double beta = k->beta == NULL ? 0 : k->beta[channel];
  for (int64_t i = first; i < first + p->batch; ++i) {
    const float* x = k->x + (i * p->c + channel) * p->l;
    float* y = k->y + (i * p->c + channel) * p->l;
    for (int64_t j = 0; j < p->l; ++j) y[j] = (float)((x[j] - mean) * rstd * gamma + beta);
  }
  k->mean[at] = (float)mean;
  k->variance[at] = (float)variance;
  k->rstd[at] = (float)rstd;
  k->running_mean[channel] = (float)((1 - m) * k->running_mean[channel] + m * mean);
  k->running_var[channel] =
      (float)((1 - m) * k->running_var[channel] + m * variance * count / (count - 1));
}

/* Timed: your kernel goes here. All of the work, at each call. */
static void run(void* kernel) {
  const struct kernel* k = kernel;
  const struct normbench_problem* p = k->problem;
  for (int64_t part = 0; part < p->n / p->batch; ++part) {
    for (int64_t channel = 0; channel < p->c; ++channel) {
      normalize(k, part * p->batch, channel, part * p->c + channel);
    }
  }
}

/* Why it does not take a problem, in words for users; or NULL. */
static const char* unsupported(const struct normbench_problem* p) {
  if (strcmp(p->norm, "batch") != 0) return "only batch norm";
  if (strcmp(p->pass, "forward_training") != 0) return "only forward training";
  if (strcmp(p->dtype, "f32") != 0) return "only f32";
  if (strcmp(p->layout, "ncl") != 0) return "only ncl";
  if (p->n * p->c * p->l == 0) return "no values";
  return NULL;
}

/* The claim that it is held to: its sums are in double, so that no value suffers a rounding. */
static void accuracy(const struct normbench_problem* p, struct normbench_accuracy* claim) {
  (void)p;
  claim->roundings = 0;
}

static void* find(const struct normbench_buffer* const* buffers, size_t count, const char* name) {
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(buffers[i]->name, name) == 0) return buffers[i]->data;
  }
  return NULL;
}

/* Untimed: what run needs is allocated here. */
static void* prepare(const struct normbench_problem* problem,
                     const struct normbench_buffer* const* buffers, size_t count, int32_t threads,
                     const char** error) {
  struct kernel* k = malloc(sizeof(struct kernel));
  (void)threads; /* that run may use, at most */
  if (k == NULL) {
    *error = "out of memory";
    return NULL;
  }
  k->problem = problem;
  k->x = find(buffers, count, "x");
  k->gamma = find(buffers, count, "gamma");
  k->beta = find(buffers, count, "beta");
  k->y = find(buffers, count, "y");
  k->mean = find(buffers, count, "mean");
  k->variance = find(buffers, count, "variance");
  k->rstd = find(buffers, count, "rstd");
  k->running_mean = find(buffers, count, "running_mean");
  k->running_var = find(buffers, count, "running_var");
  return k;
}

static const struct normbench_backend table = {
    .magic = NORMBENCH_MAGIC,
    .abi = NORMBENCH_ABI,
    .size = sizeof(struct normbench_backend),
    .name = "mine",
    .version = "1",
    .unsupported = unsupported,
    .prepare = prepare,
    .run = run,
    .destroy = free,
    .accuracy = accuracy,
};

const struct normbench_backend* normbench_plugin(void) { return &table; }
