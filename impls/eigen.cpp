// What a user of Eigen would write: maps onto the caller's buffers, and array expressions.
//
// Where rows of L values are long, a channel is a strided (N, L) array, reduced and written row by
// row. Where they are short, a sample is one row of C * L columns, and columns are summed side by
// side, over blocks of channels that stay in the second-level cache. Eigen vectorizes both; its
// array expressions know no threads, so this is one thread whatever the case says.
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>

#include "harness/core/backend.h"

namespace {

using Eigen::Index;
using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::Grade;
using normbench::Kernel;
using normbench::Pass;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;

using Floats = Eigen::ArrayXf;
using Doubles = Eigen::ArrayXd;
using Stride = Eigen::OuterStride<>;
using Matrix = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<Matrix, 0, Stride>;
using Vector = Eigen::Map<Floats>;

// Rows of at least this many values are worth reductions of their own.
constexpr Index kLongRow = 64;
// Floats are summed in runs of at most this many values of a row, or rows of a column; the runs are
// summed in double.
constexpr Index kValuesPerRun = 128;
constexpr Index kRowsPerRun = 16;
// A block of channels is read three times: from a second-level cache of common size after the
// first.
constexpr Index kBlockBytes = 512 * 1024;

template <class Row>
double sum_in_runs(const Row& row) {
  double total = 0;
  for (Index first = 0; first < row.size(); first += kValuesPerRun) {
    total += row.segment(first, std::min(kValuesPerRun, row.size() - first)).sum();
  }
  return total;
}

class EigenKernel : public Kernel {
 public:
  EigenKernel(const Problem& problem, const Arguments& arguments)
      : problem_(problem),
        arguments_(arguments),
        samples_(problem.c == 1 ? 1 : problem.batch),
        length_(problem.c == 1 ? problem.batch * problem.l : problem.l),
        long_rows_(length_ >= kLongRow),
        count_(static_cast<double>(problem.values_per_channel())),
        ones_(Floats::Ones(problem.c)),
        zeros_(Floats::Zero(problem.c)) {
    const Index channel_bytes = samples_ * length_ * static_cast<Index>(sizeof(float));
    const Index narrowest = std::min<Index>(problem.c, (kLongRow + length_ - 1) / length_);
    block_ = std::clamp<Index>(kBlockBytes / channel_bytes, narrowest, problem.c);
    first_sum_.resize(block_);
    second_sum_.resize(block_);
    rstd_.resize(block_);
    if (long_rows_) return;
    for (Floats* columns : {&run_, &center_, &scale_, &offset_, &slope_}) {
      columns->resize(block_ * length_);
    }
    total_.resize(block_ * length_);
  }

  void run() override {
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      part_ = mini_batch(problem_, arguments_, i);
      for (first_ = 0; first_ < problem_.c; first_ += block_) {
        channels_ = std::min<Index>(block_, problem_.c - first_);
        switch (problem_.pass) {
          case Pass::kForwardTraining:
            forward_training();
            break;
          case Pass::kForwardInference:
            forward_inference();
            break;
          default:
            backward();
        }
      }
    }
  }

  std::string detail() const override {
    return std::string("1 thread, ") + Eigen::SimdInstructionSetsInUse();
  }

 private:
  // The present block of a vector; of `otherwise` when the vector is absent.
  auto block(const Tensor& tensor, Floats& otherwise) {
    float* data = tensor.present() ? tensor.as<float>().data() : otherwise.data();
    return Vector(data + first_, channels_);
  }
  auto block(const Tensor& tensor) { return block(tensor, zeros_); }

  // Rows of x, y, dy or dx: one channel of the block, or all its columns.
  Rows channel(const Tensor& tensor, Index k) const {
    float* data = tensor.as<float>().data() + (first_ + k) * length_;
    return {data, samples_, length_, Stride(problem_.c * length_)};
  }
  Rows columns(const Tensor& tensor) const {
    float* data = tensor.as<float>().data() + first_ * length_;
    return {data, samples_, channels_ * length_, Stride(problem_.c * length_)};
  }

  // The sum of row(i) over all samples i.
  template <class Row>
  double sum_rows(Row row) const {
    double total = 0;
    for (Index i = 0; i < samples_; ++i) total += sum_in_runs(row(i));
    return total;
  }

  // sums[k] = the same for channel k of the block, where row(i) holds all columns of sample i.
  template <class Row>
  void sum_columns(Row row, Doubles& sums) {
    const Index width = channels_ * length_;
    auto run = run_.head(width);
    auto total = total_.head(width);
    total.setZero();
    for (Index first = 0; first < samples_; first += kRowsPerRun) {
      run = row(first);
      const Index last = std::min(samples_, first + kRowsPerRun);
      for (Index i = first + 1; i < last; ++i) run += row(i);
      total += run.cast<double>();
    }
    for (Index k = 0; k < channels_; ++k) sums[k] = total.segment(k * length_, length_).sum();
  }

  // One value per channel as one value per column.
  template <class Values>
  auto spread(const Values& values, Floats& columns) {
    for (Index k = 0; k < channels_; ++k) {
      columns.segment(k * length_, length_).setConstant(static_cast<float>(values[k]));
    }
    return columns.head(channels_ * length_);
  }

  void forward_training() {
    auto mean = block(part_.mean);
    auto rstd = block(part_.rstd);
    auto means = first_sum_.head(channels_);
    auto squares = second_sum_.head(channels_);
    if (long_rows_) {
      for (Index k = 0; k < channels_; ++k) {
        const Rows x = channel(part_.x, k);
        means[k] = sum_rows([&](Index i) { return x.row(i); }) / count_;
        mean[k] = static_cast<float>(means[k]);
        squares[k] = sum_rows([&](Index i) { return (x.row(i) - mean[k]).square(); });
        rstd[k] = static_cast<float>(1 / std::sqrt(squares[k] / count_ + problem_.eps));
        normalize_channel(k, mean[k], rstd[k]);
      }
    } else {
      const Rows x = columns(part_.x);
      sum_columns([&](Index i) { return x.row(i).transpose(); }, first_sum_);
      means /= count_;
      const auto center = spread(means, center_);
      sum_columns([&](Index i) { return (x.row(i).transpose() - center).square(); }, second_sum_);
      mean = means.cast<float>();
      rstd = (squares / count_ + problem_.eps).rsqrt().cast<float>();
      normalize_columns(mean, rstd);
    }
    block(part_.variance) = (squares / count_).cast<float>();
    update_running(part_.running_mean, means);
    update_running(part_.running_var, squares / (count_ - 1));
  }

  template <class Statistic>
  void update_running(const Tensor& tensor, const Statistic& statistic) {
    const double m = problem_.momentum;
    auto running = block(tensor);
    running = ((1 - m) * running.template cast<double>() + m * statistic).template cast<float>();
  }

  void forward_inference() {
    const auto mean = block(part_.running_mean);
    auto rstd = rstd_.head(channels_);
    rstd = (block(part_.running_var).cast<double>() + problem_.eps).rsqrt().cast<float>();
    if (long_rows_) {
      for (Index k = 0; k < channels_; ++k) normalize_channel(k, mean[k], rstd[k]);
    } else {
      normalize_columns(mean, rstd);
    }
  }

  // y = (x - mean) * (rstd * gamma) + beta
  void normalize_channel(Index k, float mean, float rstd) {
    const Rows x = channel(part_.x, k);
    Rows y = channel(part_.y, k);
    const float scale = rstd * block(part_.gamma, ones_)[k];
    const float offset = block(part_.beta, zeros_)[k];
    for (Index i = 0; i < samples_; ++i) y.row(i) = (x.row(i) - mean) * scale + offset;
  }
  template <class Mean, class Rstd>
  void normalize_columns(const Mean& mean, const Rstd& rstd) {
    const Rows x = columns(part_.x);
    Rows y = columns(part_.y);
    const auto center = spread(mean, center_).transpose();
    const auto scale = spread(rstd * block(part_.gamma, ones_), scale_).transpose();
    const auto offset = spread(block(part_.beta, zeros_), offset_).transpose();
    for (Index i = 0; i < samples_; ++i) y.row(i) = (x.row(i) - center) * scale + offset;
  }

  // dx = (dy - mean of dy - (x - mean) * slope) * scale, with slope = rstd * mean of dy * xh
  void backward() {
    const auto mean = block(part_.mean);
    const auto rstd = block(part_.rstd);
    const auto gamma = block(part_.gamma, ones_);
    auto dbeta = first_sum_.head(channels_);
    auto dgamma = second_sum_.head(channels_);
    if (long_rows_) {
      for (Index k = 0; k < channels_; ++k) {
        const Rows x = channel(part_.x, k);
        const Rows dy = channel(part_.dy, k);
        Rows dx = channel(part_.dx, k);
        dbeta[k] = sum_rows([&](Index i) { return dy.row(i); });
        dgamma[k] = rstd[k] * sum_rows([&](Index i) { return dy.row(i) * (x.row(i) - mean[k]); });
        const auto mean_dy = static_cast<float>(dbeta[k] / count_);
        const auto slope = static_cast<float>(dgamma[k] * rstd[k] / count_);
        const float scale = gamma[k] * rstd[k];
        for (Index i = 0; i < samples_; ++i) {
          dx.row(i) = (dy.row(i) - mean_dy - (x.row(i) - mean[k]) * slope) * scale;
        }
      }
    } else {
      const Rows x = columns(part_.x);
      const Rows dy = columns(part_.dy);
      Rows dx = columns(part_.dx);
      const auto center = spread(mean, center_).transpose();
      sum_columns([&](Index i) { return dy.row(i).transpose(); }, first_sum_);
      sum_columns([&](Index i) { return (dy.row(i) * (x.row(i) - center)).transpose(); },
                  second_sum_);
      dgamma *= rstd.cast<double>();
      const auto mean_dy = spread(dbeta / count_, offset_).transpose();
      const auto slope = spread(dgamma * rstd.cast<double>() / count_, slope_).transpose();
      const auto scale = spread(gamma * rstd, scale_).transpose();
      for (Index i = 0; i < samples_; ++i) {
        dx.row(i) = (dy.row(i) - mean_dy - (x.row(i) - center) * slope) * scale;
      }
    }
    if (!problem_.affine) return;
    block(part_.dgamma) = dgamma.cast<float>();
    block(part_.dbeta) = dbeta.cast<float>();
  }

  Problem problem_;
  Arguments arguments_, part_;
  Index samples_, length_;  // one channel is a single row, whatever its samples
  bool long_rows_;
  double count_;
  Index block_ = 1, first_ = 0, channels_ = 0;  // channels per block; the present block
  Floats ones_, zeros_;                         // gamma and beta when there are none
  Doubles first_sum_, second_sum_;              // per channel of a block
  Floats rstd_;
  Doubles total_;  // per column of a block
  Floats run_, center_, scale_, offset_, slope_;
};

class EigenBackend : public Backend {
 public:
  std::string_view name() const override { return "eigen"; }
  std::string version() const override {
    return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
           std::to_string(EIGEN_MINOR_VERSION);
  }
  Support supports(const Problem& problem) const override {
    return normbench::batch_norm_f32_ncl(problem);
  }
  // However Eigen orders a run, no value goes through more float additions than it has members less
  // one.
  Accuracy accuracy(const Problem& problem) const override {
    if (problem.pass == Pass::kForwardInference) return {Grade::kA, 0};
    const bool long_rows = problem.c == 1 || problem.l >= kLongRow;
    const std::int64_t run = long_rows ? kValuesPerRun : kRowsPerRun;
    return {Grade::kA, static_cast<double>(run - 1)};
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    return std::make_unique<EigenKernel>(problem, arguments);
  }
};

}  // namespace

std::unique_ptr<Backend> make_eigen() { return std::make_unique<EigenBackend>(); }
