/* Forward training of batch norm and its backward pass, f32 and ncl, as they are often written:
   right, or with the mistake that the variable NORMBENCH_MISTAKE names. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "normbench.h"

static const char* wanted;

static int is(const char* mistake) { return wanted != NULL && strcmp(wanted, mistake) == 0; }

struct kernel {
  const struct normbench_problem* problem;
  const float *x, *gamma, *beta, *dy;
  float *y, *mean, *variance, *rstd, *running_mean, *running_var, *dx, *dgamma, *dbeta;
  int32_t threads;
};

static const char* unsupported(const struct normbench_problem* p) {
  if (strcmp(p->norm, "batch") != 0) return "only batch norm";
  if (strcmp(p->pass, "forward_training") != 0 && strcmp(p->pass, "backward") != 0) {
    return "only the passes of training";
  }
  if (strcmp(p->dtype, "f32") != 0) return "only f32";
  if (strcmp(p->layout, "ncl") != 0) return "only ncl";
  if (p->batch * p->c * p->l == 0) return "no values";
  return NULL;
}

static void* find(const struct normbench_buffer* const* buffers, size_t count, const char* name) {
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(buffers[i]->name, name) == 0) return buffers[i]->data;
  }
  return NULL;
}

static void* prepare(const struct normbench_problem* problem,
                     const struct normbench_buffer* const* buffers, size_t count, int32_t threads,
                     const char** error) {
  struct kernel* k = malloc(sizeof(struct kernel));
  (void)error;
  k->problem = problem;
  k->threads = threads;
  k->x = find(buffers, count, "x");
  k->dy = find(buffers, count, "dy");
  k->gamma = find(buffers, count, "gamma");
  k->beta = find(buffers, count, "beta");
  k->y = find(buffers, count, "y");
  k->mean = find(buffers, count, "mean");
  k->variance = find(buffers, count, "variance");
  k->rstd = find(buffers, count, "rstd");
  k->running_mean = find(buffers, count, "running_mean");
  k->running_var = find(buffers, count, "running_var");
  k->dx = find(buffers, count, "dx");
  k->dgamma = find(buffers, count, "dgamma");
  k->dbeta = find(buffers, count, "dbeta");
  return k;
}

/* Where value j of a channel of a sample is, and how many values of a row are counted. */
static int64_t place(const struct normbench_problem* p, int64_t i, int64_t channel, int64_t j) {
  if (is("transposed")) return (i * p->l + j) * p->c + channel;
  return (i * p->c + channel) * p->l + j;
}
static int64_t counted(const struct normbench_problem* p) {
  if (is("tail_skipped") || is("tail_not_counted")) return p->l / 8 * 8;
  return p->l;
}

static void forward(const struct kernel* k, int64_t first, int64_t last, int64_t channel,
                    int64_t at) {
  const struct normbench_problem* p = k->problem;
  const double count = (double)((last - first) * p->l);
  double m = p->momentum, mean = 0, variance = 0;
  const int moments = is("moments");
  if (moments || is("float_sums")) {
    float sum = 0, squares = 0;
    for (int64_t i = first; i < last; ++i) {
      for (int64_t j = 0; j < p->l; ++j) sum += k->x[place(p, i, channel, j)];
    }
    mean = sum / (float)count;
    for (int64_t i = first; i < last; ++i) {
      for (int64_t j = 0; j < p->l; ++j) {
        const float x = k->x[place(p, i, channel, j)];
        const float d = moments ? x : x - (float)mean;
        squares += d * d;
      }
    }
    variance = squares / (float)count - (moments ? (float)mean * (float)mean : 0);
  } else {
    for (int64_t i = first; i < last; ++i) {
      for (int64_t j = 0; j < counted(p); ++j) mean += k->x[place(p, i, channel, j)];
    }
    mean /= count;
    for (int64_t i = first; i < last; ++i) {
      for (int64_t j = 0; j < counted(p); ++j) {
        const double d = k->x[place(p, i, channel, j)] - mean;
        variance += d * d;
      }
    }
    variance /= count;
  }
  const double eps = is("eps_constant") ? 1e-5 : p->eps;
  double rstd = 1 / sqrt(variance + eps);
  if (is("eps_outside")) rstd = 1 / (sqrt(variance) + eps);
  if (is("eps_forgotten")) rstd = 1 / sqrt(variance);
  double rstd_of_y = rstd;
  if (is("unbiased_in_y")) rstd_of_y = 1 / sqrt(variance * count / (count - 1) + eps);
  const int64_t parameter = is("gamma_of_next") ? (channel + 1) % p->c : channel;
  const double gamma = k->gamma == NULL ? 1 : k->gamma[parameter];
  const double beta = k->beta == NULL && !is("beta_when_absent") ? 0 : k->beta[parameter];
  const float scale = (float)(rstd * gamma), shift = (float)(beta - mean * (rstd * gamma));
  for (int64_t i = first; i < last; ++i) {
    for (int64_t j = 0; j < (is("tail_not_counted") ? p->l : counted(p)); ++j) {
      const int64_t one = place(p, i, channel, j);
      k->y[one] = (float)((k->x[one] - mean) * rstd_of_y * gamma + beta);
      if (is("folded")) k->y[one] = k->x[one] * scale + shift;
    }
  }
  k->mean[at] = (float)mean;
  k->variance[at] = (float)variance;
  k->rstd[at] = (float)rstd;
  if (is("running_not_updated")) return;
  if (is("momentum_inverted")) m = 1 - m;
  const double added = is("running_var_biased") ? variance : variance * count / (count - 1);
  k->running_mean[channel] = (float)((1 - m) * k->running_mean[channel] + m * mean);
  k->running_var[channel] = (float)((1 - m) * k->running_var[channel] + m * added);
}

static void backward(const struct kernel* k, int64_t first, int64_t channel, int64_t at) {
  const struct normbench_problem* p = k->problem;
  const double count = (double)(p->batch * p->l), mean = k->mean[at], rstd = k->rstd[at];
  double sum = 0, sum_xh = 0;
  for (int64_t i = first; i < first + p->batch; ++i) {
    for (int64_t j = 0; j < p->l; ++j) {
      const int64_t one = place(p, i, channel, j);
      sum += k->dy[one];
      sum_xh += k->dy[one] * (k->x[one] - mean) * rstd;
    }
  }
  const double gamma = k->gamma == NULL ? 1 : k->gamma[channel];
  for (int64_t i = first; i < first + p->batch; ++i) {
    for (int64_t j = 0; j < p->l; ++j) {
      const int64_t one = place(p, i, channel, j);
      const double xh = (k->x[one] - mean) * rstd;
      k->dx[one] = (float)(gamma * rstd * (k->dy[one] - sum / count - xh * sum_xh / count));
    }
  }
  if (k->dgamma == NULL) return;
  if (!is("dgamma_missing")) k->dgamma[at] = (float)sum_xh;
  k->dbeta[at] = (float)(is("dbeta_added_to") ? k->dbeta[at] + sum : sum);
}

struct half {
  const struct kernel* kernel;
  int64_t first, last, from, to;
};
static void* forward_half(void* argument) {
  const struct half* h = argument;
  const int64_t part = h->first / h->kernel->problem->batch;
  for (int64_t channel = h->from; channel < h->to; ++channel) {
    forward(h->kernel, h->first, h->last, channel, part * h->kernel->problem->c + channel);
  }
  return NULL;
}

static void run(void* kernel) {
  const struct kernel* k = kernel;
  const struct normbench_problem* p = k->problem;
  const int is_forward = k->dy == NULL;
  if (is("segfault")) raise(SIGSEGV);
  if (is("loop")) {
    while (p != NULL) usleep(1000);
  }
  const int64_t channels = p->c - (is("channel_short")) + (is("channel_more"));
  for (int64_t part = 0; part < p->n / p->batch; ++part) {
    const int64_t first = part * p->batch, last = first + p->batch;
    if ((is("two_threads") || (is("seam") && k->threads > 1)) && is_forward) {
      /* Two threads: both do all channels, or each its half, without the one in the middle. */
      const int64_t middle = p->c / 2;
      struct half a = {k, first, last, 0, is("seam") ? middle : p->c};
      struct half b = {k, first, last, is("seam") ? middle + 1 : 0, p->c};
      pthread_t other;
      pthread_create(&other, NULL, forward_half, &a);
      forward_half(&b);
      pthread_join(other, NULL);
      continue;
    }
    for (int64_t channel = 0; channel < channels; ++channel) {
      if (!is_forward) {
        backward(k, first, channel, part * p->c + channel);
      } else if (!is("mini_batches_ignored")) {
        forward(k, first, last, channel, part * p->c + channel);
      } else if (part == 0) {
        forward(k, 0, p->n, channel, channel);
        for (int64_t other = 1; other < p->n / p->batch; ++other) {
          k->mean[other * p->c + channel] = k->mean[channel];
          k->variance[other * p->c + channel] = k->variance[channel];
          k->rstd[other * p->c + channel] = k->rstd[channel];
        }
      }
    }
  }
}

static const struct normbench_backend table = {
    .magic = NORMBENCH_MAGIC,
    .abi = NORMBENCH_ABI,
    .size = sizeof(struct normbench_backend),
    .name = "mistakes",
    .version = "1",
    .unsupported = unsupported,
    .prepare = prepare,
    .run = run,
    .destroy = free,
};

const struct normbench_backend* normbench_plugin(void) {
  wanted = getenv("NORMBENCH_MISTAKE");
  return &table;
}
