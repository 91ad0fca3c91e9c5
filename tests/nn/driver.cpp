// Modules by commands, one a line on standard input, for tests in Python. Each is answered by a
// line: "ok", or the kind of error and its words, without line ends.
//
//   batch|instance C DTYPE AFFINE TRACK BACKEND   a new module
//   network                                       a convolution, batch norm, ReLU and a linear
//   layer train, eval, flag 0|1, momentum X|none, eps X forward FILE TO      y for the x in FILE
//   backward FILE TO     dx and the gradients for the dy in FILE
//   sgd RATE             a step of all parameters against their gradients
//   save TO, load FILE, load_some FILE (not strict), copy FILE TO (through a state dict)
#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include "harness/nn/batch_norm.h"
#include "harness/nn/checkpoint.h"
#include "harness/nn/conv1d.h"
#include "harness/nn/instance_norm.h"
#include "harness/nn/linear.h"
#include "harness/nn/relu.h"
#include "harness/nn/sequential.h"

namespace normbench::nn {
namespace {

class Driver {
 public:
  void obey(std::istream& line) {
    std::string command;
    line >> command;
    if (command == "batch" || command == "instance" || command == "network")
      return make(command, line);
    if (command == "copy") {
      const std::string from = next(line);
      return save_checkpoint(load_checkpoint(from), next(line));
    }
    if (!module_) throw std::logic_error("there is no module");
    if (command == "train") return module_->train();
    if (command == "eval") return module_->eval();
    if (command == "flag" || command == "momentum" || command == "eps")
      return set(command, next(line));
    if (command == "forward") {
      x_ = input(next(line), "x");
      return save_checkpoint({{{"y", module_->forward(x_)}}, {}}, next(line));
    }
    if (command == "backward") {
      const Array dy = input(next(line), "dy");
      StateDict state{{{"dx", module_->backward(dy)}}, {}};
      for (const Slot& slot : module_->parameters()) {
        state.entries.emplace_back(slot.name, *slot.gradient);
      }
      return save_checkpoint(state, next(line));
    }
    if (command == "sgd") return step(std::stod(next(line)));
    if (command == "save") return save_checkpoint(module_->state_dict(), next(line));
    if (command == "load" || command == "load_some") {
      module_->load_state_dict(load_checkpoint(next(line)), command == "load");
      return;
    }
    throw std::logic_error("there is no command " + command);
  }

 private:
  static std::string next(std::istream& line) {
    std::string word;
    line >> word;
    return word;
  }

  static Array input(const std::string& file, const std::string& name) {
    const StateDict state = load_checkpoint(file);
    const Array* array = state.find(name);
    if (array == nullptr) throw std::logic_error(file + " has no " + name);
    return *array;
  }

  void make(const std::string& kind, std::istream& line) {
    batch_ = nullptr;
    instance_ = nullptr;
    if (kind == "network") {
      auto network = std::make_unique<Sequential>();
      network->add<Conv1d>(2, 4, 3, Conv1dOptions{.seed = 1});
      network->add<BatchNorm1d>(4);
      network->add<ReLU>();
      network->add<Linear>(6, 3, LinearOptions{.seed = 2});
      module_ = std::move(network);
      return;
    }
    const std::int64_t channels = std::stoll(next(line));
    const DType dtype = parse_dtype(next(line)).value();
    const bool affine = next(line) == "1";
    const bool tracked = next(line) == "1";
    const On on{.backend = next(line), .threads = 1};
    if (kind == "batch") {
      auto norm = std::make_unique<BatchNorm1d>(
          channels,
          BatchNormOptions{.affine = affine, .track_running_stats = tracked, .dtype = dtype}, on);
      batch_ = norm.get();
      module_ = std::move(norm);
    } else {
      auto norm = std::make_unique<InstanceNorm1d>(
          channels,
          InstanceNormOptions{.affine = affine, .track_running_stats = tracked, .dtype = dtype},
          on);
      instance_ = norm.get();
      module_ = std::move(norm);
    }
  }

  void set(const std::string& what, const std::string& text) {
    const auto on = [&](auto& norm) {
      if (what == "flag") {
        norm.track_running_stats = text == "1";
      } else if (what == "eps") {
        norm.eps = std::stod(text);
      } else if (text == "none") {
        norm.momentum.reset();
      } else {
        norm.momentum = std::stod(text);
      }
    };
    if (batch_ != nullptr) on(*batch_);
    if (instance_ != nullptr) on(*instance_);
  }

  void step(double rate) {
    for (const Slot& slot : module_->parameters()) {
      for (std::int64_t at = 0; at < slot.value->size(); ++at) {
        slot.value->set(at, slot.value->get(at) - rate * slot.gradient->get(at));
      }
    }
  }

  std::unique_ptr<Module> module_;
  BatchNorm1d* batch_ = nullptr;
  InstanceNorm1d* instance_ = nullptr;
  Array x_;
};

std::string answer(Driver& driver, const std::string& text) {
  try {
    std::istringstream line(text);
    driver.obey(line);
    return "ok";
  } catch (const std::invalid_argument& error) {
    return std::string("ValueError ") + error.what();
  } catch (const std::runtime_error& error) {
    return std::string("RuntimeError ") + error.what();
  } catch (const std::exception& error) {
    return std::string("error ") + error.what();
  }
}

}  // namespace
}  // namespace normbench::nn

int main() {
  normbench::nn::Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    std::string text = normbench::nn::answer(driver, line);
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::cout << text << std::endl;
  }
}
