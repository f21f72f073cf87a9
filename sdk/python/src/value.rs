//! JSON values as Python's own objects, and back.

use crate::error::{Answer, Fault};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// How deep lists and dicts may lie in each other. No form of the exchange comes near it.
const MOST_DEPTH: u32 = 32;

/// A JSON value as dicts, lists, strings, integers and bools.
///
/// # Errors
/// Python has no memory.
pub fn to_python(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Null => py.None(),
        Value::Bool(is) => PyBool::new(py, *is).to_owned().into_any().unbind(),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any().unbind(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any().unbind(),
            (None, None) => number.as_f64().into_pyobject(py)?.unbind(),
        },
        Value::String(text) => PyString::new(py, text).into_any().unbind(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any().unbind()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (name, field) in fields {
                dict.set_item(name, to_python(py, field)?)?;
            }
            dict.into_any().unbind()
        }
    })
}

/// A JSON value on its way to Python, from where there is no Python.
pub struct Json(pub Value);

impl<'py> IntoPyObject<'py> for Json {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0).map(|object| object.into_bound(py))
    }
}

/// Anything with a JSON form, on its way to Python.
///
/// # Errors
/// It has no JSON form.
pub fn to_json<T: Serialize>(value: &T) -> PyResult<Json> {
    Ok(Json(serde_json::to_value(value).map_err(Fault::from)?))
}

/// Anything with a JSON form as Python's own objects.
///
/// # Errors
/// It has no JSON form, or Python has no memory.
pub fn give<T: Serialize>(py: Python<'_>, value: &T) -> PyResult<Py<PyAny>> {
    let value = serde_json::to_value(value).map_err(Fault::from)?;
    to_python(py, &value)
}

/// What Python holds, as JSON: dicts with strings as keys, lists, tuples, strings, integers of 64 bits, bools, None,
/// and `decimal.Decimal` as its text.
///
/// # Errors
/// A float, or something else without a form.
pub fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    read(object, MOST_DEPTH)
}

fn read(object: &Bound<'_, PyAny>, depth: u32) -> PyResult<Value> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::invalid("dicts and lists lie too deep in each other").into());
    };
    if object.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(is) = object.cast::<PyBool>() {
        return Ok(Value::Bool(is.is_true()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::String(text.to_str()?.to_owned()));
    }
    if object.is_instance_of::<PyInt>() {
        let small = object.extract::<u64>().map(Value::from);
        return small.or_else(|_| object.extract::<i64>().map(Value::from));
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        let mut fields = Map::new();
        for (name, field) in dict {
            let name =
                name.cast::<PyString>().map_err(|_| Fault::invalid("the keys of a dict must be strings"))?;
            fields.insert(name.to_str()?.to_owned(), read(&field, depth)?);
        }
        return Ok(Value::Object(fields));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        let items = object.try_iter()?.map(|item| read(&item?, depth));
        return items.collect::<PyResult<Vec<Value>>>().map(Value::Array);
    }
    if object.is_instance_of::<PyFloat>() {
        return Err(
            Fault::invalid(format!("{object} is a float; give decimals as text or decimal.Decimal")).into()
        );
    }
    if let Some(text) = decimal(object)? {
        return Ok(Value::String(text));
    }
    Err(Fault::invalid(format!("{object} has no JSON form")).into())
}

/// The text of a `decimal.Decimal`, without an exponent.
fn decimal(object: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let class = object.get_type();
    let is_decimal = class.name()? == "Decimal" && class.module()? == "decimal";
    if !is_decimal {
        return Ok(None);
    }
    object.call_method1("__format__", ("f",))?.extract().map(Some)
}

/// What Python holds, as a value with a JSON form. A string is taken as JSON text.
///
/// # Errors
/// It is not of that form; the error says where.
pub fn take<T: DeserializeOwned>(object: &Bound<'_, PyAny>) -> PyResult<T> {
    let read: Answer<T> = match object.cast::<PyString>() {
        Ok(text) => serde_json::from_str(text.to_str()?).map_err(Fault::from),
        Err(_) => serde_json::from_value(from_python(object)?).map_err(Fault::from),
    };
    Ok(read?)
}
