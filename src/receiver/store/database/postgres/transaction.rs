//! A transaction on one pooled connection. Its statements are sent as soon as they are made, and their results come in
//! that order.
//!
//! Invariants: nobody waits for a result for longer than `answer_timeout`, because a connection can go silent without an error;
//! and nobody waits for one without taking those before it, because a connection holds back what comes behind them.

use super::citus::{Distribution, Scope};
use super::statement::{Param, StatementForm, is_of_server, store_error};
use super::values::{ColumnArray, array_params, column_arrays, columns_of, params, read_row, row_params};
use crate::receiver::store::database::role::Visibility;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{
    Dialect, InsertMany, ReadBudget, Row, Rows, SelectByKeys, SelectPages, Value, count_statement,
};
use deadpool_postgres::Object;
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::VecDeque;
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::RowStream;

/// Parts of an `INSERT` that are under way at once, so that PostgreSQL has work while the next one is encoded.
const PARTS_AT_ONCE: usize = 2;

type DriverResult<T> = std::result::Result<T, tokio_postgres::Error>;

/// The result of a statement that was sent.
enum Sent {
    Pending(Pin<Box<dyn Future<Output = DriverResult<()>> + Send>>),
    Done(DriverResult<()>),
}

impl Sent {
    /// Takes what has arrived of the result.
    fn advance(&mut self, context: &mut Context<'_>) {
        if let Sent::Pending(work) = self
            && let Poll::Ready(done) = work.as_mut().poll(context)
        {
            *self = Sent::Done(done);
        }
    }
}

/// Form of a transaction's statements, and the time for their results.
pub struct TransactionForm {
    pub statements: StatementForm,
    pub distribution: Distribution,
    /// `None` for operators, whose statements take any time.
    pub answer_timeout: Option<Duration>,
}

/// An open transaction. Its connection goes back to the pool when the transaction has ended well.
pub struct PostgresTransaction {
    /// `None` once the transaction has ended.
    client: Option<Arc<Object>>,
    /// Statements that were sent and not awaited.
    sent: Mutex<VecDeque<Sent>>,
    read_only: bool,
    form: StatementForm,
    distribution: Distribution,
    /// The scope that was entered last, unless a savepoint may have undone it.
    entered: Mutex<Option<Scope>>,
    /// Timeout of a result, the server's own timeout of a statement included; `None` for operators, whose statements take any
    /// time.
    answer_timeout: Option<Duration>,
    /// Bound of the rows that the transaction reads.
    budget: Option<Arc<ReadBudget>>,
}

impl PostgresTransaction {
    /// Sends `begin`, which the first awaited statement waits for.
    pub async fn begin(
        client: Object,
        begin: String,
        read_only: bool,
        TransactionForm { statements, distribution, answer_timeout }: TransactionForm,
    ) -> Result<PostgresTransaction> {
        let tx = PostgresTransaction {
            client: Some(Arc::new(client)),
            sent: Mutex::default(),
            read_only,
            form: statements,
            distribution,
            entered: Mutex::default(),
            answer_timeout,
            budget: None,
        };
        let client = tx.client()?.clone();
        tx.send_off(async move { client.batch_execute(&begin).await }).await;
        Ok(tx)
    }

    /// Counts the rows that are read.
    pub fn with_budget(mut self, budget: Option<Arc<ReadBudget>>) -> PostgresTransaction {
        self.budget = budget;
        self
    }

    pub fn client(&self) -> Result<&Arc<Object>> {
        self.client.as_ref().ok_or(StoreError::Aborted)
    }

    fn sent(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Polls `work` once, which sends its statement, and queues the rest of it.
    async fn send_off(&self, work: impl Future<Output = DriverResult<()>> + Send + 'static) {
        let mut sent = Sent::Pending(Box::pin(work));
        poll_fn(|context| {
            sent.advance(context);
            Poll::Ready(())
        })
        .await;
        self.sent().push_back(sent);
    }

    /// Awaits `work`, and meanwhile takes the results of what was sent before.
    async fn beside_sent<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let done = work.as_mut().poll(context);
            if done.is_pending() {
                self.sent().iter_mut().for_each(|sent| sent.advance(context));
            }
            done
        })
        .await
    }

    /// Awaits everything that was sent off, and returns the first error: the later ones follow from it.
    async fn settle(&self) -> Result<()> {
        let mut settled = Ok(());
        loop {
            let Some(sent) = self.sent().pop_front() else { return settled };
            let done = match sent {
                Sent::Pending(work) => work.await,
                Sent::Done(done) => done,
            };
            settled = settled.and(done.map_err(|error| self.failed(&error)));
        }
    }

    /// Awaits `work`, unless something failed that was sent before.
    async fn result_of<T>(&self, work: impl Future<Output = DriverResult<T>>) -> Result<T> {
        let both = async { tokio::join!(biased; self.settle(), Box::pin(work)) };
        let (settled, done) = self.in_time(both).await?;
        settled?;
        done.map_err(|error| self.failed(&error))
    }

    /// Awaits a look at the database on the transaction's connection.
    pub async fn inspect<T>(&self, look: impl Future<Output = Result<T>>) -> Result<T> {
        self.in_time(async {
            self.settle().await?;
            look.await
        })
        .await?
    }

    /// Awaits results until the timeout. Idle connections to a server that is silent are given up with this one.
    async fn in_time<T>(&self, results: impl Future<Output = T>) -> Result<T> {
        let Some(answer_timeout) = self.answer_timeout else { return Ok(results.await) };
        timeout(answer_timeout, results).await.map_err(|_| {
            self.close_idle_connections();
            let seconds = answer_timeout.as_secs();
            StoreError::Unavailable(format!("PostgreSQL did not answer within {seconds} s"))
        })
    }

    /// The store's error. Where it is about the server as a whole, idle connections to that server are given up as well, so
    /// that the next requests find its successor.
    fn failed(&self, error: &tokio_postgres::Error) -> StoreError {
        if is_of_server(error, self.read_only) {
            self.close_idle_connections();
        }
        store_error(error)
    }

    fn close_idle_connections(&self) {
        if let Some(pool) = self.client.as_deref().and_then(Object::pool) {
            pool.retain(|_, _| false);
        }
    }

    async fn run(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.stream(sql, params, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Passes each row to `visit` as it comes.
    async fn stream(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut visit: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let client = self.client()?;
        let query = async {
            let mut found = pin!(self.rows_of(sql, params, client).await?);
            while let Some(row) = poll_fn(|context| found.as_mut().poll_next(context)).await {
                if let Err(error) = self.read(&row?).and_then(&mut visit) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        };
        self.result_of(query).await?
    }

    async fn rows_of(&self, sql: &str, params: &[Param<'_>], client: &Object) -> DriverResult<RowStream> {
        match self.form {
            StatementForm::Prepared => {
                let statement = client.prepare_cached(sql).await?;
                client.query_raw(&statement, params.iter().map(|param| param.0)).await
            }
            StatementForm::Unnamed => client.query_typed_raw(sql, params.iter().cloned()).await,
        }
    }

    /// Converts a row, and takes it from the budget.
    fn read(&self, row: &tokio_postgres::Row) -> Result<Row> {
        let row = read_row(row)?;
        self.budget.as_ref().map_or(Ok(()), |budget| budget.take(&row))?;
        Ok(row)
    }

    async fn change(&self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let client = self.client()?;
        let sql = self.distribution.counted(sql);
        let changed = async {
            match self.form {
                StatementForm::Prepared => {
                    let params: Vec<_> = params.iter().map(|param| param.0).collect();
                    client.execute(&client.prepare_cached(&sql).await?, &params).await
                }
                StatementForm::Unnamed => client.execute_typed(&sql, params).await,
            }
        };
        self.result_of(changed).await
    }

    pub async fn enter(&self, tenant: &str, user: &str, visibility: Visibility) -> Result<()> {
        let scope = Scope { tenant: tenant.to_owned(), user: user.to_owned(), visibility };
        let entered = self.entered().take();
        for message in self.distribution.enter(entered.as_ref(), &scope) {
            let client = self.client()?.clone();
            self.send_off(async move { client.batch_execute(&message).await }).await;
        }
        *self.entered() = Some(scope);
        Ok(())
    }

    fn entered(&self) -> MutexGuard<'_, Option<Scope>> {
        self.entered.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub async fn send(&self, sql: &str, values: Vec<Value>) -> Result<()> {
        let client = self.client()?.clone();
        let sql = Dialect::Postgres.render(sql);
        if self.form == StatementForm::Unnamed {
            let run = async move { client.execute_typed(&sql, &params(&values)).await.map(|_| ()) };
            self.send_off(run).await;
            return Ok(());
        }
        // Prepared first, because that may itself be a round trip, and later statements must follow this one.
        let statement = match self.in_time(self.beside_sent(client.prepare_cached(&sql))).await? {
            Ok(statement) => statement,
            Err(error) => return self.result_of(ready(Err(error))).await,
        };
        let run = async move {
            let params = params(&values);
            let params: Vec<_> = params.iter().map(|param| param.0).collect();
            client.execute(&statement, &params).await.map(|_| ())
        };
        self.send_off(run).await;
        Ok(())
    }

    pub async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        self.run(&Dialect::Postgres.render(sql), &params(values)).await
    }

    pub async fn for_each(
        &self,
        sql: &str,
        values: &[Value],
        visit: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        self.stream(&Dialect::Postgres.render(sql), &params(values), visit).await
    }

    pub async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        self.change(&Dialect::Postgres.render(sql), &params(values)).await
    }

    pub async fn select_by_keys(&self, select: &SelectByKeys, keys: &Rows<'_>) -> Result<Vec<Row>> {
        let names: Vec<&str> = select.keys.iter().map(|key| key.0).collect();
        let arrays = array_params(select.common.len(), select.keys);
        // The LIMIT of the inner query keeps the planner from joining the two, which would be a different plan with every
        // estimate of the table's size.
        let sql = format!(
            "SELECT found.* FROM unnest({}) AS key ({}) CROSS JOIN LATERAL ({}) AS found",
            arrays.join(", "),
            names.join(", "),
            select.select_one(|index| format!("key.{}", names[index]))
        );
        let columns = columns_of(&keys.values, select.keys);
        self.run(&Dialect::Postgres.render(&sql), &row_params(&keys.common, &columns)).await
    }

    pub async fn select_pages(
        &self,
        select: &SelectPages<'_>,
        values: &[Value],
        keys: Vec<String>,
    ) -> Result<Vec<Row>> {
        let sql = format!(
            "SELECT found.* FROM unnest(${}::text[]) AS page (key) CROSS JOIN LATERAL ({}) AS found",
            values.len() + 1,
            select.select_one("page.key")
        );
        self.query(&sql, &[values, &[keys.into()]].concat()).await
    }

    pub async fn insert_many(&self, insert: &InsertMany, rows: &Rows<'_>) -> Result<u64> {
        let sql = insert_sql(insert, self.distribution);
        let change = async |columns: Vec<ColumnArray<'_>>| {
            count_statement();
            self.change(&sql, &row_params(&rows.common, &columns)).await
        };
        let parts = stream::iter(column_arrays(rows, insert.columns)).map(change).buffered(PARTS_AT_ONCE);
        let changed = parts.try_fold(0, async |sum, changed| Ok(sum + changed)).await?;
        let expected = rows.values.len() / insert.columns.len();
        if self.distribution.counts_inserted(insert.tail) && changed != expected as u64 {
            return Err(StoreError::Internal("rows exist that were not expected".to_owned()));
        }
        Ok(changed)
    }

    pub async fn insert_many_returning(&self, insert: &InsertMany, rows: &Rows<'_>) -> Result<Vec<Row>> {
        let sql = insert_sql(insert, self.distribution);
        let run = async |columns: Vec<ColumnArray<'_>>| {
            count_statement();
            self.run(&sql, &row_params(&rows.common, &columns)).await
        };
        let parts = stream::iter(column_arrays(rows, insert.columns)).map(run).buffered(PARTS_AT_ONCE);
        parts.try_concat().await
    }

    pub async fn lock(&self, names: Vec<String>) -> Result<()> {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name";
        self.send(sql, vec![names.into()]).await
    }

    pub async fn batch(&self, sql: &str) -> Result<()> {
        *self.entered() = None;
        self.result_of(self.client()?.batch_execute(sql)).await
    }

    pub async fn commit(mut self) -> Result<()> {
        if self.read_only {
            // Nothing has to become durable, so nobody waits: the connection runs its next transaction after this one.
            let client = self.client()?.clone();
            self.in_time(self.settle()).await??;
            self.send_off(async move { client.batch_execute("COMMIT").await }).await;
        } else {
            self.batch("COMMIT").await?;
        }
        self.sent().clear();
        self.client.take(); // back to the pool
        Ok(())
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        // Pending statements hold the connection, too.
        self.sent().clear();
        if let Some(client) = self.client.take().and_then(Arc::into_inner) {
            // Closing the connection rolls the transaction back, whatever state it is in.
            drop(Object::take(client));
        }
    }
}

/// The `INSERT` of rows: a parameter for each common column, then an array for each of the other columns.
fn insert_sql(insert: &InsertMany, distribution: Distribution) -> String {
    let common = (1..=insert.common.len()).map(|index| format!("${index}"));
    // Unnested in the select list: in FROM, PostgreSQL writes each array to a tuplestore before it returns the first row.
    let unnested =
        array_params(insert.common.len(), insert.columns).into_iter().map(|array| format!("unnest({array})"));
    let values: Vec<String> = common.chain(unnested).collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} {}",
        insert.table,
        insert.column_list(),
        values.join(", "),
        Dialect::Postgres.render(distribution.insert_tail(insert.tail))
    )
}
