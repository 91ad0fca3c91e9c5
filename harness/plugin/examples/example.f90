! A plugin in Fortran: the forward training pass of RMS norm, f32, in either layout, on one thread.
! The types repeat those of normbench.h. Functions have no name in C but one, which might be taken.
module example
  use iso_c_binding
  implicit none

  type, bind(c) :: problem_type
    integer(c_size_t) :: size
    type(c_ptr) :: id, norm, pass, dtype, layout
    integer(c_int64_t) :: n, c, l, batch, groups
    real(c_double) :: eps, momentum
    integer(c_int32_t) :: affine
  end type

  type, bind(c) :: buffer_type
    integer(c_size_t) :: size
    type(c_ptr) :: name, dtype
    integer(c_int32_t) :: role, rank
    type(c_ptr) :: shape, strides, data
  end type

  type, bind(c) :: backend_type
    integer(c_int64_t) :: magic = int(z'6E6F726D62656E63', c_int64_t)
    integer(c_int32_t) :: abi = 1, size
    type(c_ptr) :: name, version
    type(c_funptr) :: unsupported, prepare, run, destroy
    type(c_funptr) :: load = c_null_funptr, collect = c_null_funptr, failure = c_null_funptr
    type(c_funptr) :: detail = c_null_funptr, accuracy = c_null_funptr
    integer(c_int32_t) :: native_layout = 0
  end type

  ! The values of a sample are one after the other, as are those of gamma.
  type :: kernel_type
    real(c_double) :: eps
    real(c_float), pointer :: x(:, :), y(:, :), gamma(:), variance(:), rstd(:)
  end type

  character(kind=c_char, len=12), target :: name = "example-f90" // c_null_char
  character(kind=c_char, len=2), target :: version = "1" // c_null_char
  character(kind=c_char, len=44), target :: reason = &
    "only the forward training of RMS norm, f32" // c_null_char
  type(backend_type), target :: table

contains

  function is(text, word)
    type(c_ptr), intent(in) :: text
    character(len=*), intent(in) :: word
    character(kind=c_char), pointer :: letters(:)
    logical :: is
    integer :: i
    call c_f_pointer(text, letters, [len(word) + 1])
    is = .false.
    do i = 1, len(word) ! and not one letter further than the text
      if (letters(i) /= word(i:i)) return
    end do
    is = letters(len(word) + 1) == c_null_char
  end function

  function unsupported(p) bind(c, name="") result(why)
    type(problem_type), intent(in) :: p
    type(c_ptr) :: why
    why = c_loc(reason)
    if (.not. is(p%norm, "rms")) return
    if (.not. is(p%pass, "forward_training")) return
    if (is(p%dtype, "f32") .and. p%n * p%c * p%l > 0) why = c_null_ptr
  end function

  function prepare(p, buffers, count, threads, error) bind(c, name="") result(kernel)
    type(problem_type), intent(in) :: p
    integer(c_size_t), value :: count
    type(c_ptr), intent(in) :: buffers(count)
    integer(c_int32_t), value :: threads
    type(c_ptr), intent(inout) :: error
    type(c_ptr) :: kernel
    type(kernel_type), pointer :: k
    type(buffer_type), pointer :: b
    integer(c_size_t) :: i
    allocate (k)
    k%eps = p%eps
    nullify (k%gamma)
    do i = 1, count
      call c_f_pointer(buffers(i), b)
      if (is(b%name, "x")) call c_f_pointer(b%data, k%x, [p%c * p%l, p%n])
      if (is(b%name, "y")) call c_f_pointer(b%data, k%y, [p%c * p%l, p%n])
      if (is(b%name, "gamma")) call c_f_pointer(b%data, k%gamma, [p%c * p%l])
      if (is(b%name, "variance")) call c_f_pointer(b%data, k%variance, [p%n])
      if (is(b%name, "rstd")) call c_f_pointer(b%data, k%rstd, [p%n])
    end do
    kernel = c_loc(k)
  end function

  subroutine run(kernel) bind(c, name="")
    type(c_ptr), value :: kernel
    type(kernel_type), pointer :: k
    real(c_double) :: square, rstd
    integer :: i, j
    call c_f_pointer(kernel, k)
    do i = 1, size(k%x, 2)
      square = 0
      do j = 1, size(k%x, 1)
        square = square + real(k%x(j, i), c_double)**2
      end do
      square = square / size(k%x, 1)
      rstd = 1 / sqrt(square + k%eps)
      k%variance(i) = real(square, c_float)
      k%rstd(i) = real(rstd, c_float)
      if (associated(k%gamma)) then
        k%y(:, i) = real(k%x(:, i) * rstd * k%gamma, c_float)
      else
        k%y(:, i) = real(k%x(:, i) * rstd, c_float)
      end if
    end do
  end subroutine

  subroutine destroy(kernel) bind(c, name="")
    type(c_ptr), value :: kernel
    type(kernel_type), pointer :: k
    call c_f_pointer(kernel, k)
    deallocate (k)
  end subroutine

  function normbench_plugin() bind(c) result(plugin)
    type(c_ptr) :: plugin
    table%size = int(c_sizeof(table), c_int32_t)
    table%name = c_loc(name)
    table%version = c_loc(version)
    table%unsupported = c_funloc(unsupported)
    table%prepare = c_funloc(prepare)
    table%run = c_funloc(run)
    table%destroy = c_funloc(destroy)
    plugin = c_loc(table)
  end function
end module
