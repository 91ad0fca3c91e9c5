// Tiles of short rows: a sum per column, in blocks of columns that stay in the L2.
#pragma once

#include "impls/eigen/arrays.h"

namespace normbench::eigen {

// The number of short rows to pack into one: enough to make a long row, but no more than leave
// kFewestRows packed rows, or the sums would be more work than the values.
inline Index rows_per_fold(const Tiles& tiles) {
  constexpr Index kColumns = 256;
  constexpr Index kFewestRows = 8;
  const Index most = std::max<Index>(1, tiles.tile_rows / kFewestRows);
  return std::clamp<Index>(kColumns / tiles.columns, 1, most);
}

template <class T>
class ColumnKernel {
  using Real = Parameter<T>;

 public:
  explicit ColumnKernel(const Plan& plan)
      : problem_(plan.problem),
        tiles_(side_by_side(plan.tiles)),
        plan_(plan),
        repeats_(rows_side_by_side(plan.tiles)),
        block_columns_(repeats_ > 1 ? repeats_ * plan.tiles.columns : columns_per_block(tiles_)),
        fold_(rows_per_fold(plan.tiles)),
        x_(block_columns_ * fold_),
        dy_(block_columns_ * fold_),
        out_(block_columns_ * fold_),
        ones_(Array<Real>::Ones(plan.tiles.parameters())),
        zeros_(Array<Real>::Zero(plan.tiles.parameters())),
        no_mean_(Array<Real>::Zero(problem_.n * plan.tiles.across())) {
    for (Doubles* sums : {&first_total_, &second_total_}) sums->resize(block_columns_ * fold_);
    for (Array<Real>* columns : {&first_run_, &second_run_, &center_, &scale_, &offset_, &slope_}) {
      columns->resize(block_columns_ * fold_);
    }
    for (Doubles* sums : {&dgamma_, &dbeta_}) sums->resize(plan.tiles.parameters());
    for (Array<Real>* rows : {&gamma_rows_, &beta_rows_}) {
      if (repeats_ > 1) rows->resize(repeats_ * plan.tiles.parameters());
    }
    const Index most = block_columns_ / tiles_.run;
    for (Doubles* values : {&first_, &second_, &per_run_}) values->resize(most);
    for (Doubles* values : {&mean_, &rstd_, &first_of_tile_, &second_of_tile_}) {
      values->resize(block_columns_ / tiles_.tile_columns);
    }
  }

  void run(const Arguments& part) {
    part_ = part;
    x_.bind(part.x);
    dy_.bind(part.dy);
    out_.bind(problem_.backward() ? part.dx : part.y);
    gamma_ = repeated(vector(part.gamma, ones_), gamma_rows_);
    beta_ = repeated(vector(part.beta, zeros_), beta_rows_);
    for (Doubles* sums : {&dgamma_, &dbeta_}) sums->setZero();
    for (Index band = 0; band < tiles_.batch_rows / tiles_.tile_rows; ++band) {
      for (Index column = 0; column < tiles_.columns; column += block_columns_) {
        enter(band, column);
        if (problem_.backward()) {
          backward();
        } else {
          forward();
        }
      }
    }
    for (const auto& [tensor, sums] : {std::pair{&part.dgamma, &dgamma_}, {&part.dbeta, &dbeta_}}) {
      if (tensor->present()) vector(*tensor, zeros_) = sums->template cast<Real>();
    }
  }

 private:
  // A block is read three times, after the first time from an L2 of common size.
  static constexpr Index kBlockBytes = 512 * 1024;
  // Strided access costs more the shorter the contiguous pieces are: with shorter ones than this,
  // it is worse than a block that exceeds the cache.
  static constexpr Index kFewestColumns = 1024;
  static constexpr Index kMostColumns = 2048;

  // The number of rows to treat as one long row, if tiles have one row. Then only the parameters,
  // which are repeated, tell the rows from one long row.
  static Index rows_side_by_side(const Tiles& tiles) {
    if (tiles.tile_rows > 1) return 1;
    return std::clamp<Index>(kMostColumns / tiles.columns, 1, tiles.batch_rows);
  }
  static Tiles side_by_side(Tiles tiles) {
    if (rows_side_by_side(tiles) == 1) return tiles;
    tiles.columns *= tiles.batch_rows;
    tiles.rows /= tiles.batch_rows;
    tiles.batch_rows = 1;
    return tiles;
  }

  static Index columns_per_block(const Tiles& tiles) {
    const Index bytes = tiles.tile_rows * tiles.tile_columns * static_cast<Index>(sizeof(T));
    const Index fewest = (kFewestColumns + tiles.tile_columns - 1) / tiles.tile_columns;
    const Index most = kMostColumns / tiles.tile_columns;
    const Index all = tiles.across();
    return std::min(all, std::clamp(kBlockBytes / bytes, fewest, most)) * tiles.tile_columns;
  }

  // Selects the block of columns at `column`, in one band of rows.
  void enter(Index band, Index column) {
    columns_ = std::min(block_columns_, tiles_.columns - column);
    width_ = columns_ * fold_;
    rows_ = (tiles_.tile_rows + fold_ - 1) / fold_;
    last_width_ = (tiles_.tile_rows - (rows_ - 1) * fold_) * columns_;
    start_ = band * tiles_.tile_rows * tiles_.columns + column;
    parameters_ = columns_ / tiles_.run;
    parameter_ = column / tiles_.run % dgamma_.size();
    statistics_ = columns_ / tiles_.tile_columns;
    statistic_ = (plan_.running() ? 0 : band * tiles_.across()) + column / tiles_.tile_columns;
  }

  // The offset of row i of the block, which packs fold_ rows of the matrix; and its size.
  Index at(Index i) const { return start_ + i * fold_ * tiles_.columns; }
  Index width(Index i) const { return i + 1 < rows_ ? width_ : last_width_; }

  // The part of a vector that belongs to the block.
  View<Real> parameters(const Real* all) const { return {all + parameter_, parameters_}; }
  auto statistics(const Tensor& tensor) {
    return vector(tensor, no_mean_).segment(statistic_, statistics_);
  }

  const Real* repeated(const Eigen::Map<Array<Real>>& row, Array<Real>& rows) const {
    if (repeats_ == 1) return row.data();
    for (Index i = 0; i < repeats_; ++i) rows.segment(i * row.size(), row.size()) = row;
    return rows.data();
  }

  // Casts values to the type of the sums that they are added to.
  template <class Sums, class Values>
  static auto as(const Sums&, const Values& values) {
    return values.template cast<typename Sums::Scalar>();
  }

  // Sums per column of the matrix. add(i, sums) adds row i to the sums of a run. If those overflow,
  // all rows are summed again in double.
  template <class Add>
  void sum_rows(Array<Real>& run, Doubles& total, Add add) {
    total.head(width_).setZero();
    for (Index first = 0; first < rows_; first += kRowsPerRun) {
      run.head(width_).setZero();
      const Index last = std::min(rows_, first + kRowsPerRun);
      for (Index i = first; i < last; ++i) add(i, run.head(width(i)));
      total.head(width_) += run.head(width_).template cast<double>();
    }
    if (!total.head(width_).isFinite().all()) {
      total.head(width_).setZero();
      for (Index i = 0; i < rows_; ++i) add(i, total.head(width(i)));
    }
    for (Index k = 1; k < fold_; ++k) {
      total.head(columns_) += total.segment(k * columns_, columns_);
    }
  }

  // Broadcasts one value per tile or parameter to one per column, in all rows of a fold.
  template <class Values>
  void spread(Index length, const Values& values, Array<Real>& columns) {
    spread_each(length, values, columns.head(columns_));
    for (Index k = 1; k < fold_; ++k)
      columns.segment(k * columns_, columns_) = columns.head(columns_);
  }
  // Broadcasts one value per tile to one per parameter.
  auto per_parameter(const Doubles& of_tiles) {
    spread_each(tiles_.tile_columns / tiles_.run, of_tiles.head(statistics_),
                per_run_.head(parameters_));
    return per_run_.head(parameters_);
  }

  void forward() {
    auto mean = mean_.head(statistics_);
    auto rstd = rstd_.head(statistics_);
    if (plan_.running()) {
      mean = statistics(part_.running_mean).template cast<double>();
      rstd = (statistics(part_.running_var).template cast<double>() + problem_.eps).rsqrt();
      spread(tiles_.tile_columns, mean, center_);
    } else {
      auto variance = second_of_tile_.head(statistics_);
      mean.setZero();
      if (plan_.centered()) {
        sum_rows(first_run_, first_total_,
                 [&](Index i, auto run) { run += as(run, x_.read(at(i), width(i))); });
        sum_each(tiles_.tile_columns, first_total_.head(columns_), mean);
      }
      mean /= plan_.count();
      spread(tiles_.tile_columns, mean, center_);
      sum_rows(second_run_, second_total_, [&](Index i, auto run) {
        const auto x = x_.read(at(i), width(i));
        run += (as(run, x) - as(run, center_.head(width(i)))).square();
      });
      sum_each(tiles_.tile_columns, second_total_.head(columns_), variance);
      variance /= plan_.count();
      rstd = (variance + problem_.eps).rsqrt();
      if (part_.mean.present()) statistics(part_.mean) = mean.template cast<Real>();
      if (part_.variance.present()) statistics(part_.variance) = variance.template cast<Real>();
      if (part_.rstd.present()) statistics(part_.rstd) = rstd.template cast<Real>();
    }
    const auto gamma = parameters(gamma_).template cast<double>();
    spread(tiles_.run, per_parameter(rstd_) * gamma, scale_);
    spread(tiles_.run, parameters(beta_), offset_);
    for (Index i = 0; i < rows_; ++i) {
      const Index size = width(i);
      out_.write(
          at(i), size,
          (x_.read(at(i), size) - center_.head(size)) * scale_.head(size) + offset_.head(size));
    }
  }

  // With g = dy * gamma and xh = (x - mean) * rstd:
  //   dx = g * rstd - mean(g) * rstd - (x - mean) * mean(g * xh) * rstd^2
  void backward() {
    auto rstd = rstd_.head(statistics_);
    if (plan_.running()) {
      rstd = (statistics(part_.running_var).template cast<double>() + problem_.eps).rsqrt();
    } else {
      rstd = statistics(part_.rstd).template cast<double>();
    }
    spread(tiles_.tile_columns, statistics(plan_.running() ? part_.running_mean : part_.mean),
           center_);
    if (problem_.affine || !plan_.running()) sum_gradients();
    const auto gamma = parameters(gamma_).template cast<double>();
    spread(tiles_.run, per_parameter(rstd_) * gamma, scale_);
    if (plan_.running()) return write_scaled();
    spread(tiles_.tile_columns, first_of_tile_.head(statistics_) / plan_.count() * rstd, offset_);
    spread(tiles_.tile_columns, second_of_tile_.head(statistics_) / plan_.count() * rstd.square(),
           slope_);
    for (Index i = 0; i < rows_; ++i) {
      const Index size = width(i);
      const auto x = x_.read(at(i), size);
      const auto dy = dy_.read(at(i), size);
      out_.write(at(i), size,
                 dy * scale_.head(size) - offset_.head(size) -
                     (x - center_.head(size)) * slope_.head(size));
    }
  }

  // Sums of dy and dy * xh per parameter, and of g and g * xh per tile.
  void sum_gradients() {
    sum_rows(first_run_, first_total_,
             [&](Index i, auto run) { run += as(run, dy_.read(at(i), width(i))); });
    sum_rows(second_run_, second_total_, [&](Index i, auto run) {
      const Index size = width(i);
      const auto x = x_.read(at(i), size);
      run += as(run, dy_.read(at(i), size)) * (as(run, x) - as(run, center_.head(size)));
    });
    auto first = first_.head(parameters_);
    auto second = second_.head(parameters_);
    sum_each(tiles_.run, first_total_.head(columns_), first);
    sum_each(tiles_.run, second_total_.head(columns_), second);
    second *= per_parameter(rstd_);
    const Index own = std::min(parameters_, dgamma_.size());
    for (Index k = 0; k < parameters_; k += own) {
      dbeta_.segment(parameter_, own) += first.segment(k, own);
      dgamma_.segment(parameter_, own) += second.segment(k, own);
    }
    const auto gamma = parameters(gamma_).template cast<double>();
    first *= gamma;
    second *= gamma;
    const Index length = tiles_.tile_columns / tiles_.run;
    sum_each(length, first, first_of_tile_.head(statistics_));
    sum_each(length, second, second_of_tile_.head(statistics_));
    if (!plan_.centered()) first_of_tile_.setZero();
  }

  void write_scaled() {
    for (Index i = 0; i < rows_; ++i) {
      const Index size = width(i);
      out_.write(at(i), size, dy_.read(at(i), size) * scale_.head(size));
    }
  }

  Problem problem_;
  Tiles tiles_;
  Plan plan_;
  Index repeats_, block_columns_, fold_;
  Stream<T> x_, dy_, out_;
  Array<Real> ones_, zeros_, no_mean_;  // in place of absent gamma, beta and mean
  Array<Real> gamma_rows_, beta_rows_;  // repeated for each row of a long row
  const Real* gamma_ = nullptr;
  const Real* beta_ = nullptr;
  Doubles first_total_, second_total_;  // per column of a folded row
  Array<Real> first_run_, second_run_, center_, scale_, offset_, slope_;
  Doubles dgamma_, dbeta_;                                // per parameter
  Doubles first_, second_, per_run_;                      // per parameter of a block
  Doubles mean_, rstd_, first_of_tile_, second_of_tile_;  // per tile of a block
  Arguments part_;
  // The current block:
  Index columns_ = 0, width_ = 0, rows_ = 0, last_width_ = 0, start_ = 0;
  Index parameter_ = 0, parameters_ = 0, statistic_ = 0, statistics_ = 0;
};

}  // namespace normbench::eigen
